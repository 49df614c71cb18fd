"""The links of mails that lead on by way of us, so that it is known that they were followed.

A token is base64url of `recipient (16 bytes) | notification (16) | target`, sealed by AES-SIV (RFC
5297). So a link leads only where we sealed it to lead, which is no open redirect, and it says
nothing to whoever sees it pass. There is nothing to look up: it works for as long as its mail and
its key are kept. The newest encryption key seals, every key opens. Errors: `UnknownClickLink`.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from storage.encryption import derived_key

if TYPE_CHECKING:
    from collections.abc import Sequence

_IDS_BYTES = 32


class UnknownClickLink(LookupError):
    """The token is none of ours, or has been damaged on its way."""

    def __init__(self) -> None:
        super().__init__("not a token of a link")


@dataclass(frozen=True, slots=True)
class ClickLink:
    """A link in the mail about a notification, and where it leads."""

    recipient_id: UUID
    notification_id: UUID
    target: str
    """An absolute address."""


class ClickLinks:
    """Makes and reads the links below `base_url`."""

    def __init__(self, keys: Sequence[bytes], base_url: str) -> None:
        # Without a nonce, so that a mail that is made again is the same mail.
        self._ciphers = [AESSIV(derived_key(key, b"clicks")) for key in keys]
        self._base_url = base_url

    def address(self, link: ClickLink) -> str:
        """Return the address by way of which `link` leads to its target."""
        return f"{self._base_url}/c/{self.token(link)}/"

    def token(self, link: ClickLink) -> str:
        """Return what stands for `link`."""
        ids = link.recipient_id.bytes + link.notification_id.bytes
        sealed = self._ciphers[0].encrypt(ids + link.target.encode(), None)
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def read(self, token: str) -> ClickLink:
        """Return what `token` stands for; raise UnknownClickLink when no key of ours sealed it."""
        try:
            sealed = base64.b64decode(
                token + "=" * (-len(token) % 4), altchars=b"-_", validate=True
            )
        except (binascii.Error, ValueError):
            raise UnknownClickLink from None
        for cipher in self._ciphers:
            try:
                opened = cipher.decrypt(sealed, None)
            except (InvalidTag, ValueError):
                continue
            recipient, notification = opened[:16], opened[16:_IDS_BYTES]
            target = opened[_IDS_BYTES:].decode()
            return ClickLink(UUID(bytes=recipient), UUID(bytes=notification), target)
        raise UnknownClickLink
