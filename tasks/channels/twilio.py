"""SMS by Twilio's Messages API.

A second SMS costs money and annoys, so whatever leaves room for doubt is `Uncertain`.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from requests.adapters import HTTPAdapter
from requests.exceptions import RequestException
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from rules.deliveries import Outcome, Permanent, Reason, Sent, Transient, Uncertain
from tasks.channels.http_failures import outcome_of_failure, retry_after
from tasks.channels.sms_text import sms_text

if TYPE_CHECKING:
    from datetime import timedelta

    from config.providers import Provider
    from tasks.letter import Letter, PhoneNumber
    from tasks.permit import Permit

OPTED_OUT = 21610
NUMBERS_GONE = frozenset({21211, 21614, 21217})
"""Not a number, not a mobile one, not reachable by its format (Twilio's error dictionary)."""

IN_DOUBT = frozenset({502, 504})
"""A gateway gave up waiting for what may have been done behind it (RFC 9110 §15.6.3, §15.6.5)."""


class TwilioSender:
    """Sends text messages; each call of the SDK blocks a thread of its own pool.

    `callback` is where Twilio tells what becomes of them, None for nowhere.
    """

    def __init__(self, provider: Provider, *, callback: str | None = None) -> None:
        self._http = _Http(provider)
        self._client = Client(provider.user, provider.password, http_client=self._http)
        self._from = provider.options["from"]
        self._callback = callback
        self._threads = ThreadPoolExecutor(provider.concurrency, thread_name_prefix="twilio")

    async def send(self, letter: Letter, to: PhoneNumber, permit: Permit) -> Outcome:
        """Send one text message."""
        message = {"to": to.number, "from_": self._from, "body": sms_text(letter)}
        if self._callback is not None:
            message["status_callback"] = _told_of(self._callback, letter)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._send, message, permit)

    async def close(self) -> None:
        """End the threads and close the connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._http.close()

    def _send(self, message: dict[str, str], permit: Permit) -> Outcome:
        permit.check()
        try:
            sent = self._client.messages.create(**message)
        except TwilioRestException as error:
            return _outcome(error, self._http.retry_after())
        except RequestException as error:
            return outcome_of_failure(error)
        except TwilioException as error:
            # An answer that is none of the API's.
            return Uncertain(type(error).__name__)
        return Sent(sent.sid)


def _told_of(callback: str, letter: Letter) -> str:
    """Return `callback` with whose message it is told about, as Twilio gives back only its own id.

    What `callback` has after a `#` are settings for Twilio, and stay at the end.
    """
    parts = urlsplit(callback)
    ids = {"notification_id": letter.notification_id, "recipient_id": letter.recipient_id}
    query = "&".join(filter(None, (parts.query, urlencode(ids))))
    return urlunsplit(parts._replace(query=query))


def _outcome(error: TwilioRestException, asked: timedelta | None) -> Outcome:
    """Return how it ended; the SDK's texts hold the number, so only codes are kept."""
    text = f"{error.status} ({error.code})"
    if error.code == OPTED_OUT:
        return Permanent(text, Reason.OPTED_OUT)
    if error.code in NUMBERS_GONE:
        return Permanent(text, Reason.ADDRESS_GONE)
    if error.status in IN_DOUBT:
        return Uncertain(text)
    if error.status in {401, 403, 408, 429} or error.status >= 500:
        return Transient(text, asked)
    return Permanent(text)


class _Http(TwilioHttpClient):  # type: ignore[misc]
    """Twilio's own client without retries, at an endpoint of choice; it keeps `Retry-After`."""

    def __init__(self, provider: Provider) -> None:
        super().__init__(timeout=provider.timeout_s, max_retries=0)
        self._endpoint = provider.options.get("endpoint", "").rstrip("/")
        self._last = threading.local()
        for prefix in ("https://", "http://"):
            adapter = HTTPAdapter(pool_maxsize=provider.concurrency, max_retries=0)
            self.session.mount(prefix, adapter)

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        """Send a request. The exception for a refusal carries no headers: they are kept here."""
        if self._endpoint:
            url = self._endpoint + url[url.index("/", len("https://")) :]
        response = super().request(method, url, *args, **kwargs)
        self._last.retry_after = retry_after(response.headers)
        return response

    def retry_after(self) -> timedelta | None:
        """Return what the last response to this thread asked for."""
        asked: timedelta | None = getattr(self._last, "retry_after", None)
        return asked

    def close(self) -> None:
        """Close the connections."""
        self.session.close()
