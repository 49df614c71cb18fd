"""Believe what Amazon SNS signs, of our topic alone (AWS: "Verifying the signatures of messages").

SNS signs for everybody who has a topic, so a right signature says nothing before the topic does.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from config.providers import Provider
from server.webhooks.believing import NotBelieved, ProviderAway
from server.webhooks.sns_certificates import SnsCertificates
from server.webhooks.sns_http import PROVIDER, Refused, SnsHttp
from server.webhooks.sns_origin import SnsOrigin

Envelope = Mapping[str, str]
"""A message as SNS sends it, its fields seen to be there (server/schemas/webhooks.py)."""

STALE_AFTER = timedelta(hours=1)
"""SNS goes on trying for an hour at most, so what is older is sent again by somebody else."""

_HASHES: Mapping[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303
"""SignatureVersion -> hash; the topic's owner chooses."""

_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")

log = structlog.get_logger(__name__)


def signed_text(envelope: Envelope) -> str:
    """Return what the signature is of: each field's name and value, a line each, in their order."""
    names = _NOTIFICATION if envelope["Type"] == "Notification" else _CONFIRMATION
    return "".join(
        f"{name}\n{envelope[name]}\n" for name in names if envelope.get(name) is not None
    )


class SnsTopic:
    """One topic, to which this service is subscribed or may be."""

    def __init__(self, topic_arn: str, endpoint: str | None = None) -> None:
        self._arn = topic_arn
        self._origin = SnsOrigin(topic_arn, endpoint)
        self._http = SnsHttp()
        self._certificates = SnsCertificates(self._origin, self._http)

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    async def verify(self, envelope: Envelope, *, now: datetime) -> None:
        """Raise NotBelieved unless SNS has just sent it for our topic; ProviderAway if unknown."""
        if envelope["TopicArn"] != self._arn:
            raise NotBelieved(PROVIDER, "the topic is another one")
        if abs(now - _time(envelope["Timestamp"])) > STALE_AFTER:
            raise NotBelieved(PROVIDER, "the message is not of now")
        algorithm = _HASHES.get(envelope["SignatureVersion"])
        if algorithm is None:
            raise NotBelieved(PROVIDER, "the version of the signature is unknown")
        key = await self._certificates.key(envelope["SigningCertURL"], now=now)
        try:
            signature = base64.b64decode(envelope["Signature"], validate=True)
            text = signed_text(envelope).encode()
            key.verify(signature, text, PKCS1v15(), algorithm)
        except (ValueError, InvalidSignature):
            raise NotBelieved(PROVIDER, "the signature is wrong") from None

    async def confirm(self, envelope: Envelope) -> None:
        """Say that we want the messages of the topic. Raises NotBelieved, ProviderAway."""
        url = envelope["SubscribeURL"]
        if not self._origin.has(url):
            raise NotBelieved(PROVIDER, "the confirmation is not to SNS")
        try:
            await self._http.get(url)
        except Refused as error:
            raise ProviderAway(PROVIDER, str(error)) from None
        log.info("sns_subscribed", topic_arn=self._arn)


def topic_of(provider: Provider) -> SnsTopic | None:
    """Return the topic of `provider`, None where mails do not go by SES or it has named none."""
    arn = provider.options.get("topic_arn")
    return None if arn is None else SnsTopic(arn, provider.options.get("sns_endpoint"))


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise NotBelieved(PROVIDER, "the message has no time") from None
