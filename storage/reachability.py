"""Whether somebody's address can still be reached: one word on it, kept in two places.

`suppressions` holds it for the address, whoever has it. The document of the user holds it beside
the address, where a fan-out sees it without a query more:

    users.unreachable: {<channel>: {hash: what the address is found by, suppression: its id}}

It counts only as long as the user's address is the one of `hash`, so a new address is reachable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.collection import StoreCollection
from storage.suppressions import ids_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.encryption import FieldCipher
    from storage.suppressions import SuppressionsRepository

ADDRESS_FIELDS = {"email": "email", "sms": "phone"}
"""Channel -> the field of a user's document that it goes by."""


class Reachability:
    """Writes to the collections `suppressions` and `users`."""

    def __init__(
        self,
        database: AsyncIOMotorDatabase[Document],
        cipher: FieldCipher,
        suppressions: SuppressionsRepository,
    ) -> None:
        self._users = StoreCollection(database["users"])
        self._cipher = cipher
        self._suppressions = suppressions

    async def lose(
        self, channel: str, address: str, *, reason: str, user_id: UUID | None, at: datetime
    ) -> None:
        """Send nothing to `address` any more, which is `user_id`'s as far as that is known."""
        await self._suppressions.add(address, channel=channel, reason=reason, at=at)
        if user_id is not None:
            await self._note(channel, address, user_id)

    async def lost(self, channel: str, addresses: Mapping[UUID, str]) -> set[UUID]:
        """Return those of `addresses`, user by user, that are suppressed.

        Their users' documents will say so too: who bounced under another account has one now.
        """
        suppressed = await self._suppressions.suppressed(set(addresses.values()))
        lost = {user_id for user_id, address in addresses.items() if address in suppressed}
        for user_id in lost:
            await self._note(channel, addresses[user_id], user_id)
        return lost

    async def _note(self, channel: str, address: str, user_id: UUID) -> None:
        """Keep in the user's document that `address` is suppressed, if it is still theirs."""
        hash_field = f"{ADDRESS_FIELDS[channel]}_hash"
        lost = {"hash": f"${hash_field}", "suppression": ids_of(address, self._cipher)[0]}
        await self._users.update_one(
            {"_id": user_id, hash_field: {"$in": self._cipher.lookup_hashes(address)}},
            [{"$set": {f"unreachable.{channel}": lost}}],
        )

    async def regain(self, channel: str, address: str) -> None:
        """Allow `address` again: its owner has asked for it."""
        await self._suppressions.remove(address)
        await self._users.update_many(
            {f"unreachable.{channel}.suppression": {"$in": ids_of(address, self._cipher)}},
            {"$unset": {f"unreachable.{channel}": ""}},
        )


def is_unreachable(user: Document, channel: str) -> bool:
    """Tell whether the address that `user` has now for `channel` is suppressed."""
    lost = user.get("unreachable", {}).get(channel)
    return lost is not None and lost["hash"] == user.get(f"{ADDRESS_FIELDS[channel]}_hash")
