"""Addresses and numbers that nothing may be sent to, whoever they belong to.

    {_id: HMAC of the address, channel, reason, since}

Only hashes, so it tells nobody's address and survives the erasure of a person: who bounced or
complained is not written to again because they registered anew.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from storage.collection import StoreCollection

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.encryption import FieldCipher

_PARTING = re.compile(r"[\s().-]")
"""What people write between the digits of a number."""


class SuppressionsRepository:
    """The collection `suppressions`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document], cipher: FieldCipher) -> None:
        self._suppressions = StoreCollection(database["suppressions"])
        self._cipher = cipher

    async def add(self, address: str, *, channel: str, reason: str, at: datetime) -> None:
        """Send nothing to `address` any more; what is known of it already stays."""
        await self._suppressions.insert_if_absent(
            {"_id": ids_of(address, self._cipher)[0]},
            {"channel": channel, "reason": reason, "since": at},
        )

    async def remove(self, address: str) -> None:
        """Allow `address` again: its owner has asked for it."""
        for suppression_id in ids_of(address, self._cipher):
            await self._suppressions.delete_one({"_id": suppression_id})

    async def suppressed(self, addresses: Collection[str]) -> set[str]:
        """Return those of `addresses` that nothing may be sent to."""
        by_id = {
            suppression_id: address
            for address in addresses
            for suppression_id in ids_of(address, self._cipher)
        }
        found = await self._suppressions.find_by_id(by_id, {}, {"_id": 1})
        return {by_id[row["_id"]] for row in found}


def ids_of(address: str, cipher: FieldCipher) -> list[bytes]:
    """Return under which ids `address` is or was kept: a hash under each key, newest first.

    Providers write addresses in their own way: case does not matter, nor what parts a number.
    """
    plain = address.strip().lower() if "@" in address else _PARTING.sub("", address)
    return cipher.lookup_hashes(plain)
