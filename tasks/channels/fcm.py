"""Push by Firebase Cloud Messaging (HTTP v1), through firebase-admin.

Its hidden retries are off: it would block 28 s on a 429 and send again what may have arrived; here
every retry is the delivery's own. It has no public way to another endpoint, so the class constant
is set, and none to another client, so that is replaced: a pin of the version goes with both.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import firebase_admin
from firebase_admin import credentials, exceptions, messaging
from google.auth.credentials import TokenState
from google.auth.exceptions import GoogleAuthError
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from rules.deliveries import Outcome, Permanent, Reason, Sent, Transient, Uncertain
from tasks.channels.fcm_post import FcmPost
from tasks.channels.http_failures import outcome_of_failure, retry_after
from tasks.channels.push_message import PushMessage, push_message

if TYPE_CHECKING:
    from requests import Session

    from config.providers import Provider
    from tasks.letter import Device, Letter
    from tasks.permit import Permit

APP_NAME = "savenbite-push"
PREFIXES = ("https://", "http://")

GONE = (messaging.UnregisteredError, messaging.SenderIdMismatchError)
"""The token will never work again: the app was removed, or is another sender's."""


class FcmSender:
    """Sends pushes; each call of the SDK blocks a thread of its own pool."""

    def __init__(self, provider: Provider) -> None:
        certificate = credentials.Certificate(provider.path)
        self._app = firebase_admin.initialize_app(
            certificate, {"httpTimeout": provider.timeout_s}, name=APP_NAME
        )
        endpoint = provider.options.get("endpoint")
        if endpoint is not None:
            url = endpoint.rstrip("/") + "/v1/projects/{0}/messages:send"
            messaging._MessagingService.FCM_URL = url  # noqa: SLF001 (see the module's docstring)
        service = messaging._get_messaging_service(self._app)  # noqa: SLF001 (to post by ours)
        session = service._client.session  # noqa: SLF001
        self._credentials = session.credentials
        # By it access tokens are fetched, here and where one was refused.
        self._fetch = partial(session._auth_request, timeout=provider.timeout_s)  # noqa: SLF001
        self._fetching: asyncio.Future[None] | None = None
        for prefix in PREFIXES:
            session._auth_request.session.mount(prefix, _connections(provider))  # noqa: SLF001
        _ask_environment_once(session, service._fcm_url)  # noqa: SLF001
        service._client = FcmPost(  # noqa: SLF001
            session,
            _connections(provider),
            service._fcm_url,  # noqa: SLF001
            self._fetch,
            timeout_s=provider.timeout_s,
        )
        self._threads = ThreadPoolExecutor(provider.concurrency, thread_name_prefix="fcm")

    async def send(self, letter: Letter, to: Device, permit: Permit) -> Outcome:
        """Send one push to one device."""
        message = _fcm_message(push_message(letter), to.token)
        try:
            await self._authorize()
        except GoogleAuthError as error:
            # No access token: the push itself was never sent.
            return Transient(type(error).__name__)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._send, message, permit)

    async def close(self) -> None:
        """End the threads and forget the app."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        # On a thread, because the SDK runs an event loop of its own to close with.
        await asyncio.to_thread(firebase_admin.delete_app, self._app)

    async def _authorize(self) -> None:
        """Fetch an access token where none is good, once for all who wait for it."""
        if self._credentials.token_state is TokenState.FRESH:
            return
        if self._fetching is None or self._fetching.done():
            loop = asyncio.get_running_loop()
            self._fetching = loop.run_in_executor(
                self._threads, self._credentials.refresh, self._fetch
            )
        await asyncio.shield(self._fetching)

    def _send(self, message: messaging.Message, permit: Permit) -> Outcome:
        permit.check()
        try:
            return Sent(messaging.send(message, app=self._app))
        except exceptions.FirebaseError as error:
            return _outcome(error)
        except HTTPError as error:
            return outcome_of_failure(error)
        except GoogleAuthError as error:
            # Refused with the access token, and not given another.
            return Transient(type(error).__name__)


def _connections(provider: Provider) -> HTTPAdapter:
    return HTTPAdapter(pool_maxsize=provider.concurrency, max_retries=0)


def _ask_environment_once(session: Session, url: str) -> None:
    """Have what the environment says of proxies and certificates be a setting of `session`."""
    settings = session.merge_environment_settings(url, {}, None, None, None)
    session.proxies, session.verify = settings["proxies"], settings["verify"]
    session.trust_env = False


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
