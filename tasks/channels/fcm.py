"""Push by Firebase Cloud Messaging (HTTP v1).

firebase-admin makes the message, the access token and the errors; what goes between is ours
(fcm_post.py). So nothing is tried again behind our back: the SDK would block 28 s on a 429 and send
again what may have arrived, and here every retry is the delivery's own. Its messaging service, the
headers of that and what makes errors of answers are private: a pin of the version goes with them.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import firebase_admin
import orjson
import requests
from aiohttp import ClientError
from firebase_admin import credentials, exceptions, messaging
from google.auth.credentials import TokenState
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request
from requests.adapters import HTTPAdapter

from rules.deliveries import Outcome, Permanent, Reason, Sent, Transient, Uncertain
from tasks.channels.fcm_post import UNCONNECTED, FcmPost
from tasks.channels.http_failures import retry_after
from tasks.channels.push_message import PushMessage, push_message

if TYPE_CHECKING:
    from config.providers import Provider
    from tasks.channels.fcm_post import Answer
    from tasks.letter import Device, Letter
    from tasks.permit import Permit

APP_NAME = "savenbite-push"
ENDPOINT = "https://fcm.googleapis.com"
PREFIXES = ("https://", "http://")
OK, UNAUTHORIZED = 200, 401

GONE = (messaging.UnregisteredError, messaging.SenderIdMismatchError)
"""The token will never work again: the app was removed, or is another sender's."""


class FcmSender:
    """Sends pushes; a thread of its own fetches access tokens."""

    def __init__(self, provider: Provider) -> None:
        certificate = credentials.Certificate(provider.path)
        self._app = firebase_admin.initialize_app(certificate, name=APP_NAME)
        self._service = messaging._get_messaging_service(self._app)  # noqa: SLF001 (see above)
        self._headers = self._service._fcm_headers  # noqa: SLF001
        endpoint = provider.options.get("endpoint", ENDPOINT).rstrip("/")
        url = f"{endpoint}/v1/projects/{self._app.project_id}/messages:send"
        self._post = FcmPost(url, timeout_s=provider.timeout_s)
        self._credentials = certificate.get_credential()
        self._token_session = requests.Session()
        for prefix in PREFIXES:
            self._token_session.mount(prefix, HTTPAdapter(max_retries=0))
        self._fetch = partial(Request(self._token_session), timeout=provider.timeout_s)
        self._fetching: asyncio.Future[None] | None = None
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="fcm")

    async def send(self, letter: Letter, to: Device, permit: Permit) -> Outcome:
        """Send one push to one device."""
        message = self._service.encode_message(_fcm_message(push_message(letter), to.token))
        content = orjson.dumps({"message": message})
        try:
            answer = await self._posted(content, permit)
        except GoogleAuthError as error:
            # No access token: the push was not sent, or refused.
            return Transient(type(error).__name__)
        except UNCONNECTED as error:
            return Transient(type(error).__name__)
        except (ClientError, TimeoutError) as error:
            return Uncertain(type(error).__name__)
        if answer.status == OK:
            return Sent(orjson.loads(answer.content)["name"])
        return _outcome(self._service._handle_fcm_error(_refusal(answer)))  # noqa: SLF001

    async def close(self) -> None:
        """End the thread, close the connections and forget the app."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self._post.close()
        self._token_session.close()
        # On a thread, because the SDK runs an event loop of its own to close with.
        await asyncio.to_thread(firebase_admin.delete_app, self._app)

    async def _posted(self, content: bytes, permit: Permit) -> Answer:
        """Return what is answered to `content`, with another access token if one is refused."""
        if self._credentials.token_state is not TokenState.FRESH:
            await self._fetch_token()
        permit.check()
        token = self._credentials.token
        answer = await self._post(self._authorized(), content)
        if answer.status != UNAUTHORIZED:
            return answer
        if self._credentials.token == token:
            await self._fetch_token()
        permit.check()
        return await self._post(self._authorized(), content)

    def _authorized(self) -> dict[str, str]:
        headers = dict(self._headers)
        self._credentials.apply(headers)
        return headers

    async def _fetch_token(self) -> None:
        """Fetch an access token, once for all who wait for it."""
        if self._fetching is None or self._fetching.done():
            loop = asyncio.get_running_loop()
            self._fetching = loop.run_in_executor(
                self._threads, self._credentials.refresh, self._fetch
            )
        await asyncio.shield(self._fetching)


def _refusal(answer: Answer) -> requests.HTTPError:
    """Return `answer` as the SDK has it from its own client."""
    response = requests.Response()
    response.status_code = answer.status
    response.headers.update(answer.headers)
    response._content = answer.content  # noqa: SLF001 (nothing else sets it)
    return requests.HTTPError(response=response)


def _outcome(error: exceptions.FirebaseError) -> Outcome:
    """Return how a push ended; the SDK's texts may hold the token, so only codes are kept."""
    code = f"{type(error).__name__} ({error.code})"
    if isinstance(error, GONE):
        return Permanent(code, Reason.ADDRESS_GONE)
    if isinstance(error, exceptions.InvalidArgumentError):
        return Permanent(code)
    response = error.http_response
    return Uncertain(code) if response is None else Transient(code, retry_after(response.headers))


def _fcm_message(push: PushMessage, token: str) -> messaging.Message:
    """Return the SDK's message. No collapse key: a device keeps four of them at most."""
    return messaging.Message(
        token=token,
        data=push.data,
        notification=messaging.Notification(title=push.title, body=push.body, image=push.image),
        android=messaging.AndroidConfig(
            priority="high" if push.is_critical else "normal",
            notification=messaging.AndroidNotification(tag=push.tag, notification_count=push.badge),
        ),
        apns=messaging.APNSConfig(
            headers={
                "apns-collapse-id": push.tag,
                "apns-priority": "10" if push.is_critical else "5",
            },
            payload=messaging.APNSPayload(
                aps=messaging.Aps(badge=push.badge, sound="default", mutable_content=True)
            ),
        ),
        webpush=messaging.WebpushConfig(
            headers={"Urgency": "high" if push.is_critical else "normal"},
            notification=messaging.WebpushNotification(tag=push.tag, **_web_image(push)),
            fcm_options=_web_options(push),
        ),
    )


def _web_image(push: PushMessage) -> dict[str, Any]:
    return {} if push.image is None else {"image": push.image}


def _web_options(push: PushMessage) -> messaging.WebpushFCMOptions | None:
    # The SDK takes nothing but https here.
    if push.link is None or not push.link.startswith("https://"):
        return None
    return messaging.WebpushFCMOptions(link=push.link)
