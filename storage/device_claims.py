"""Whose each device token is: the truth, one row a token.

    {_id: hash of the token, user_id, device_id}

A device's entry in `users.devices` (storage/devices.py) counts only while the row of its token
names its `device_id`. A token that moves to another user gets a new one, in one guarded update,
and so has exactly one owner at any moment, whatever else is killed half way. Rows are found by
`_id` alone: `users`, which is sharded by user, would have to be asked on every shard.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import uuid4

from storage.collection import StoreCollection

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.encryption import FieldCipher


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceClaim:
    """A token that is a user's."""

    token_hash: bytes
    user_id: UUID
    device_id: UUID
    taken_from: DeviceClaim | None = None
    """What it was before, when this made it another user's."""


class DeviceClaims:
    """The collection `device_tokens`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document], cipher: FieldCipher) -> None:
        self._claims = StoreCollection(database["device_tokens"])
        self._cipher = cipher

    async def claim(self, user_id: UUID, token: str) -> DeviceClaim:
        """Make `token` the user's, whoever had it; of several at once the last has it."""
        token_hash, *older_hashes = self._cipher.lookup_hashes(token)
        while True:
            row = await self._claims.find_one({"_id": token_hash})
            if row is None:
                known = await self._find_any(older_hashes)
                await self._claims.insert_if_absent(
                    {"_id": token_hash}, known or {"user_id": user_id, "device_id": uuid4()}
                )
                continue
            before = _claim(row)
            if before.user_id == user_id:
                return before
            device_id = uuid4()
            if await self._claims.update_one(
                {"_id": token_hash, "device_id": before.device_id},
                {"$set": {"user_id": user_id, "device_id": device_id}},
            ):
                return replace(before, user_id=user_id, device_id=device_id, taken_from=before)

    async def claimed(self, token_hashes: Iterable[bytes]) -> dict[bytes, UUID]:
        """Return the device that each token is claimed for, by hash; what is nobody's is absent."""
        rows = await self._claims.find_by_id(token_hashes, {}, {"device_id": 1})
        return {row["_id"]: row["device_id"] for row in rows}

    async def release(self, token_hash: bytes, device_id: UUID) -> None:
        """Make the token nobody's, unless it is no longer that of `device_id`."""
        await self._claims.delete_one({"_id": token_hash, "device_id": device_id})

    async def forget_older(self, token: str) -> None:
        """Delete what older keys found `token` by, once its device is found by the newest."""
        for token_hash in self._cipher.lookup_hashes(token)[1:]:
            await self._claims.delete_one({"_id": token_hash})

    async def _find_any(self, token_hashes: Iterable[bytes]) -> Document | None:
        """Return what to carry over to the newest key: `{user_id, device_id}`."""
        for row in await self._claims.find_by_id(token_hashes, {}):
            return {"user_id": row["user_id"], "device_id": row["device_id"]}
        return None


def _claim(row: Document) -> DeviceClaim:
    return DeviceClaim(token_hash=row["_id"], user_id=row["user_id"], device_id=row["device_id"])
