"""Amazon SNS: a certificate of its own, messages signed by it, and subscriptions to confirm."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.x509.oid import NameOID

from tests.support.peers.http_peer import Reply, Replying, serving

TOPIC = "arn:aws:sns:af-south-1:123456789012:mail"
CERTIFICATE = "/SimpleNotificationService-1.pem"
HASHES = {"1": hashes.SHA1(), "2": hashes.SHA256()}

SIGNED = {
    "Notification": ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
    "SubscriptionConfirmation": [
        *("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
    ],
}
SIGNED["UnsubscribeConfirmation"] = SIGNED["SubscriptionConfirmation"]


def sign(fields: dict[str, Any], version: str) -> str:
    """Return the signature of `fields`, by the steps of the documentation."""
    text = ""
    for name in SIGNED[fields["Type"]]:
        if name in fields:
            text += name + "\n" + fields[name] + "\n"
    algorithm = HASHES.get(version, HASHES["2"])
    return base64.b64encode(key().sign(text.encode(), padding.PKCS1v15(), algorithm)).decode()


def timestamp(at: datetime) -> str:
    """Return `at` as Amazon writes times."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1_000:03}Z"


@cache
def key() -> RSAPrivateKey:
    """Return the key that messages are signed with."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(
    *,
    begins: timedelta = timedelta(days=-1),
    ends: timedelta = timedelta(days=1),
    is_rsa: bool = True,
) -> bytes:
    """Return the certificate of the key, in PEM; or one of another type of key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    signing = key() if is_rsa else ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(signing.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .sign(signing, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


@dataclass(slots=True)
class SnsPeer:
    """What it was asked for, and the messages it sends."""

    url: str = ""
    certificates_fetched: int = 0
    confirmed: list[str] = field(default_factory=list)
    certificate: bytes = field(default_factory=certificate)
    instead: Reply | None = None
    """What it answers to everything, if it is not well."""

    def notification(self, event: dict[str, Any] | str, **changes: Any) -> dict[str, Any]:
        """Return the message that brings `event`, signed."""
        message = event if isinstance(event, str) else json.dumps(event)
        return self.message("Notification", Message=message, **changes)

    def message(self, type_: str, *, version: str = "2", **changes: Any) -> dict[str, Any]:
        """Return a message as SNS sends it; what is None is left out."""
        fields = {
            "Type": type_,
            "MessageId": str(uuid4()),
            "TopicArn": TOPIC,
            "Message": "You have chosen to subscribe to the topic.",
            "Timestamp": timestamp(datetime.now(UTC)),
            "SignatureVersion": version,
            "SigningCertURL": self.url + CERTIFICATE,
        }
        if type_ != "Notification":
            asked = {"Action": "ConfirmSubscription", "TopicArn": TOPIC, "Token": "t"}
            fields |= {"Token": "t", "SubscribeURL": f"{self.url}/?{urlencode(asked)}"}
        given = {name: value for name, value in (fields | changes).items() if value is not None}
        return {"Signature": sign(given, version), **given}


class _Certificate(Replying):
    def initialize(self, peer: SnsPeer) -> None:
        self._peer = peer

    async def get(self) -> None:
        self._peer.certificates_fetched += 1
        if self._peer.instead is not None:
            await self.reply(self._peer.instead)
        else:
            self.finish(self._peer.certificate)


class _Confirmation(Replying):
    def initialize(self, peer: SnsPeer) -> None:
        self._peer = peer

    async def get(self) -> None:
        self._peer.confirmed.append(self.request.uri or "")
        await self.reply(self._peer.instead or Reply())


@contextlib.asynccontextmanager
async def sns_peer() -> AsyncIterator[SnsPeer]:
    """Serve on loopback."""
    peer = SnsPeer()
    given: dict[str, object] = {"peer": peer}
    async with serving((CERTIFICATE, _Certificate, given), (r"/", _Confirmation, given)) as url:
        peer.url = url
        yield peer
