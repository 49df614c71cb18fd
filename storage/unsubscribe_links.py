"""The unsubscribe links of emails: signed, so that the mail is all one needs to use one.

A token is base64url of `scope (1 byte) | user id (16) | HMAC-SHA256 of those (16)`. It holds no
address. The newest encryption key signs, every key verifies. It does not expire: mails are kept for
years, and whoever finds one may still want to hear no more. All it can ever do is what the reader
of that mail may do: switch one preference. Errors: `UnknownUnsubscribeLink`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from rules.unsubscribing import Scope, scope_of
from storage.encryption import derived_key

if TYPE_CHECKING:
    from collections.abc import Sequence

SIGNATURE_BYTES = 16
"""RFC 2104 §5: half of the hash and 80 bits are the least."""

_SCOPES = {Scope.ALL: b"a", Scope.WEEKLY_DIGEST: b"d", Scope.PROMOTIONAL: b"p"}
_SCOPE_OF_BYTE = {code: scope for scope, code in _SCOPES.items()}
_STATEMENT_BYTES = 1 + 16


class UnknownUnsubscribeLink(LookupError):
    """The token is none of ours, or has been damaged on its way."""

    def __init__(self) -> None:
        super().__init__("not an unsubscribe token")


@dataclass(frozen=True, slots=True)
class Unsubscription:
    """Who is to be told less, and of what."""

    user_id: UUID
    scope: Scope


class UnsubscribeLinks:
    """Makes and reads the links below `base_url`."""

    def __init__(self, keys: Sequence[bytes], base_url: str) -> None:
        self._keys = [derived_key(key, b"unsubscribe") for key in keys]
        self._base_url = base_url

    def link(self, user_id: UUID, kind: str) -> str:
        """Return the address for an email of `kind` to `user_id`.

        It is also what stands in its `List-Unsubscribe` (RFC 8058 §3.1).
        """
        return f"{self._base_url}/unsubscribe/{self.token(user_id, scope_of(kind))}/"

    def token(self, user_id: UUID, scope: Scope) -> str:
        """Return the token that switches `scope` for `user_id`."""
        statement = _SCOPES[scope] + user_id.bytes
        signed = statement + _signature(self._keys[0], statement)
        return base64.urlsafe_b64encode(signed).rstrip(b"=").decode()

    def read(self, token: str) -> Unsubscription:
        """Return what `token` says; raise UnknownUnsubscribeLink when no key of ours signed it."""
        signed = _decoded(token)
        statement, signature = signed[:_STATEMENT_BYTES], signed[_STATEMENT_BYTES:]
        if not any(
            hmac.compare_digest(_signature(key, statement), signature) for key in self._keys
        ):
            raise UnknownUnsubscribeLink
        return Unsubscription(UUID(bytes=statement[1:]), _SCOPE_OF_BYTE[statement[:1]])


def _signature(key: bytes, statement: bytes) -> bytes:
    return hmac.digest(key, statement, hashlib.sha256)[:SIGNATURE_BYTES]


def _decoded(token: str) -> bytes:
    try:
        return base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise UnknownUnsubscribeLink from None
