"""Encrypt contact details, so that a copy of the database tells nobody's address.

A stored value is `key id (4 bytes) | nonce (12) | AES-256-GCM ciphertext and tag`, with its owner
as associated data: a value moved to another owner does not decrypt. The newest key writes, all
keys read. Errors: `DecryptionError`.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

KEY_BYTES = 32
KEY_ID_BYTES = 4
NONCE_BYTES = 12
"""NIST SP 800-38D §5.2.1.1: 96 bits is the length that needs no further hashing."""


class DecryptionError(Exception):
    """A stored value cannot be read: its key is not configured, or it is not this owner's."""

    def __init__(self, owner: UUID, reason: str) -> None:
        super().__init__(f"a value of {owner} cannot be decrypted: {reason}")
        self.owner = owner
        self.reason = reason


class FieldCipher:
    """Encrypts single values under one of several keys, newest first."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"at least one key of {KEY_BYTES} bytes is needed")
        self._ciphers = {_key_id(key): AESGCM(derived_key(key, b"field")) for key in reversed(keys)}
        self._newest = _key_id(keys[0])
        self._lookup_keys = [derived_key(key, b"lookup") for key in keys]

    def encrypt(self, plaintext: str, *, owner: UUID) -> bytes:
        """Return `plaintext` encrypted for `owner`, different each time."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._ciphers[self._newest].encrypt(nonce, plaintext.encode(), owner.bytes)
        return self._newest + nonce + sealed

    def decrypt(self, stored: bytes, *, owner: UUID) -> str:
        """Return what was encrypted for `owner`; raise DecryptionError when it was not."""
        nonce_end = KEY_ID_BYTES + NONCE_BYTES
        cipher = self._ciphers.get(stored[:KEY_ID_BYTES])
        if cipher is None:
            raise DecryptionError(owner, "unknown key")
        try:
            opened = cipher.decrypt(stored[KEY_ID_BYTES:nonce_end], stored[nonce_end:], owner.bytes)
        except (InvalidTag, ValueError) as error:
            raise DecryptionError(owner, "wrong owner, or damaged") from error
        return opened.decode()

    def lookup_hash(self, value: str) -> bytes:
        """Return what `value` is found by: an HMAC under the newest key, the same for all owners.

        After a rotation, rows written before are found again once they are written anew.
        """
        return self.lookup_hashes(value)[0]

    def lookup_hashes(self, value: str) -> list[bytes]:
        """Return what `value` is or was found by: an HMAC under each key, newest first."""
        return [hmac.digest(key, value.encode(), hashlib.sha256) for key in self._lookup_keys]


def derived_key(key: bytes, purpose: bytes) -> bytes:
    """Return the key that an encryption key has for `purpose`; it tells nothing of the others."""
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"savenbite/" + purpose).derive(key)


def _key_id(key: bytes) -> bytes:
    return derived_key(key, b"key id")[:KEY_ID_BYTES]
