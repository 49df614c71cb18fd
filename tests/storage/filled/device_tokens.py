"""The claims to one user's tokens, and others'."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING
from uuid import UUID

from tests.storage.filled.asked import CIPHER, DEVICES, OTHERS, OWNER, TOKENS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.client import Document


def documents() -> Iterator[Document]:
    yield from a_users_claims()
    for n in count(OTHERS):
        yield {"_id": n.to_bytes(32, "big"), "user_id": UUID(int=n), "device_id": UUID(int=n)}


def a_users_claims() -> list[Document]:
    return [
        {"_id": CIPHER.lookup_hash(token), "user_id": OWNER, "device_id": device_id}
        for device_id, token in zip(DEVICES, TOKENS, strict=True)
    ]
