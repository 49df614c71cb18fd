"""Addresses and numbers that nothing may be sent to, whoever they belong to.

    {_id: HMAC of the address, channel, reason, since}

Only hashes, so it tells nobody's address and survives the erasure of a person: who bounced or
complained is not written to again because they registered anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.collection import StoreCollection

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.encryption import FieldCipher


class SuppressionsRepository:
    """The collection `suppressions`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document], cipher: FieldCipher) -> None:
        self._suppressions = StoreCollection(database["suppressions"])
        self._cipher = cipher

    async def add(self, address: str, *, channel: str, reason: str, at: datetime) -> None:
        """Send nothing to `address` any more; what is known of it already stays."""
        await self._suppressions.insert_if_absent(
            {"_id": self._hashes(address)[0]}, {"channel": channel, "reason": reason, "since": at}
        )

    async def remove(self, address: str) -> None:
        """Allow `address` again: its owner has asked for it."""
        for address_hash in self._hashes(address):
            await self._suppressions.delete_one({"_id": address_hash})

    async def suppressed(self, addresses: Collection[str]) -> set[str]:
        """Return those of `addresses` that nothing may be sent to."""
        by_hash = {
            address_hash: address for address in addresses for address_hash in self._hashes(address)
        }
        found = await self._suppressions.find_by_id(by_hash, {}, {"_id": 1})
        return {by_hash[row["_id"]] for row in found}

    def _hashes(self, address: str) -> list[bytes]:
        """Return the hashes of `address` under every key, the newest first; case is no matter."""
        return self._cipher.lookup_hashes(address.strip().lower())
