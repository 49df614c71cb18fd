"""Email by Amazon SES (API v2), raw, through boto3.

Its retries are off: a mail that may have been taken is not sent again behind our back. SES gives
every mail a Message-ID of its own, so a tag carries the notification's id to the feedback.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
)

from rules.deliveries import Outcome, Permanent, Sent, Transient, Uncertain
from tasks.channels.http_failures import retry_after
from tasks.channels.mail import CannotBeMailed, Mailer

if TYPE_CHECKING:
    from config.providers import Provider
    from tasks.letter import EmailAddress, Letter
    from tasks.permit import Permit

REFUSED = frozenset({"MessageRejected", "BadRequestException"})
"""This mail is the trouble; every other refusal is about the account, and may pass."""

IN_DOUBT = frozenset({502, 504})
"""A gateway gave up waiting for what may have been done behind it (RFC 9110 §15.6.3, §15.6.5)."""

NEVER_LEFT = (ConnectTimeoutError, EndpointConnectionError, NoCredentialsError)


class SesSender:
    """Sends mails; each call of the SDK blocks a thread of its own pool."""

    def __init__(self, provider: Provider, mailer: Mailer) -> None:
        self._mailer = mailer
        self._configuration_set = provider.options.get("configuration_set")
        self._client = boto3.Session().client(
            "sesv2",
            region_name=provider.host,
            endpoint_url=provider.options.get("endpoint"),
            config=Config(
                connect_timeout=min(5.0, provider.timeout_s),
                read_timeout=provider.timeout_s,
                retries={"total_max_attempts": 1},
                max_pool_connections=provider.concurrency,
            ),
        )
        self._threads = ThreadPoolExecutor(provider.concurrency, thread_name_prefix="ses")

    async def send(self, letter: Letter, to: EmailAddress, permit: Permit) -> Outcome:
        """Send one mail to one recipient."""
        try:
            mail = await self._mailer.mail(letter, to.address, now=datetime.now(UTC))
        except CannotBeMailed as error:
            return error.outcome
        request: dict[str, Any] = {
            "FromEmailAddress": self._mailer.sender,
            "Destination": {"ToAddresses": [mail.recipient]},
            "Content": {"Raw": {"Data": mail.content}},
            "EmailTags": [
                {"Name": "notification_id", "Value": str(letter.notification_id)},
                {"Name": "recipient_id", "Value": str(letter.recipient_id)},
            ],
        }
        if self._configuration_set is not None:
            request["ConfigurationSetName"] = self._configuration_set
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._send, request, permit)

    async def close(self) -> None:
        """End the threads and close the connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    def _send(self, request: dict[str, Any], permit: Permit) -> Outcome:
        permit.check()
        try:
            return Sent(self._client.send_email(**request)["MessageId"])
        except ClientError as error:
            return _refusal(error)
        except NEVER_LEFT as error:
            return Transient(type(error).__name__)
        except BotoCoreError as error:
            return Uncertain(type(error).__name__)


def _refusal(error: ClientError) -> Outcome:
    """Return what a refusal means; its text may hold the address, so only codes are kept."""
    code = error.response["Error"]["Code"]
    metadata = error.response["ResponseMetadata"]
    text = f"{metadata['HTTPStatusCode']} {code}"
    if code in REFUSED:
        return Permanent(text)
    if metadata["HTTPStatusCode"] in IN_DOUBT:
        return Uncertain(text)
    headers = {name.title(): value for name, value in metadata["HTTPHeaders"].items()}
    return Transient(text, retry_after(headers))
