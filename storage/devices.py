"""The devices of users, for push: embedded in `users`, so that a batch of recipients is one query.

    users.devices: [{id, token, token_hash, hint, platform, name, is_active, created_at,
                     last_used_at}]

`token` is encrypted. An entry counts only while its token is claimed for it
(storage/device_claims.py). A change goes claim first, then entry; so a process killed in between
leaves a device that is nobody's for the moment, and never one whose former user's notifications
reach the next one. What such a kill leaves in a list is passed over, and goes when it is next read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.collection import StoreCollection
from storage.device_claims import DeviceClaim, DeviceClaims
from storage.newcomers import newcomer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.encryption import FieldCipher

PLATFORMS = ("android", "ios", "web")

MOST_DEVICES = 20
"""Of one user. Apps are reinstalled without signing off, so the one used longest ago makes room."""

HINT_CHARACTERS = 4

_SHOWN = {
    f"devices.{field}": 1
    for field in (
        *("id", "token_hash", "hint", "platform"),
        *("name", "is_active", "created_at", "last_used_at"),
    )
}
"""All but the token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device as its user sees it."""

    id: UUID
    platform: str
    name: str | None
    is_active: bool
    """False once the push provider has called the token dead."""

    hint: str
    """The end of the token."""

    created_at: datetime
    last_used_at: datetime
    """When the app last announced it."""


class DevicesRepository:
    """The field `devices` of the collection `users`, and the claims of their tokens."""

    def __init__(self, database: AsyncIOMotorDatabase[Document], cipher: FieldCipher) -> None:
        self._users = StoreCollection(database["users"])
        self._cipher = cipher
        self.claims = DeviceClaims(database, cipher)

    async def register(
        self,
        user_id: UUID,
        token: str,
        described: Mapping[str, str | None],
        *,
        user_type: str,
        at: datetime,
    ) -> tuple[Device, bool]:
        """Make the device that `token` addresses the user's; tell whether it is a new one.

        `described` is `{"platform": ..., "name"?: ...}`. A device that the user had already is
        made active and keeps what is not given. Who is not registered yet is kept, as `user_type`.
        """
        claim = await self.claims.claim(user_id, token)
        if claim.taken_from is not None:
            await self._drop(claim.taken_from)
        entry = {
            "id": claim.device_id,
            "token": self._cipher.encrypt(token, owner=user_id),
            "token_hash": claim.token_hash,
            "hint": _hint(token),
            "is_active": True,
            "last_used_at": at,
            **described,
        }
        new_entry = {"name": None, "created_at": at, **entry}
        is_new = await self._write(user_id, entry, new_entry, user_type=user_type)
        await self.claims.forget_older(token)
        devices = await self.owned(user_id)
        for spare in _spare(devices, keep=claim.device_id):
            await self.remove(user_id, spare.id)
        ours = next((each for each in devices if each.id == claim.device_id), None)
        # It is none of theirs when somebody has taken it meanwhile; before that it was.
        return ours or _device(new_entry), is_new

    async def owned(self, user_id: UUID) -> list[Device]:
        """Return the user's devices, newest first."""
        devices = [_device(entry) for entry in await self._entries(user_id)]
        return sorted(devices, key=lambda device: device.created_at, reverse=True)

    async def remove(self, user_id: UUID, device_id: UUID) -> bool:
        """Remove a device; tell whether the user had it."""
        for entry in await self._entries(user_id):
            if entry["id"] == device_id:
                is_removed = await self._drop(_claim(user_id, entry))
                await self.claims.release(entry["token_hash"], device_id)
                return is_removed
        return False

    async def deactivate(self, user_id: UUID, device_id: UUID) -> None:
        """Push to a device no more, until its app announces it again."""
        await self._users.update_one(
            {"_id": user_id, "devices.id": device_id}, {"$set": {"devices.$.is_active": False}}
        )

    async def _write(
        self, user_id: UUID, entry: Document, new_entry: Document, *, user_type: str
    ) -> bool:
        """Change the entry that is there, or add the new one; tell whether it was added."""
        changes = {f"devices.$.{field}": value for field, value in entry.items()}
        device_id = entry["id"]
        while True:
            if await self._users.update_one(
                {"_id": user_id, "devices.id": device_id}, {"$set": changes}
            ):
                return False
            if await self._users.update_one(
                {"_id": user_id, "devices.id": {"$ne": device_id}},
                {"$push": {"devices": new_entry}},
            ):
                return True
            # Somebody whose registration has not arrived yet, or who has just done the same.
            await self._users.insert_if_absent({"_id": user_id}, newcomer(user_id, user_type))

    async def _entries(self, user_id: UUID) -> list[Document]:
        """Return the entries whose tokens are claimed for them, and drop the others."""
        user = await self._users.find_one({"_id": user_id}, _SHOWN)
        entries = user.get("devices", []) if user else []
        claimed = await self.claims.claimed([entry["token_hash"] for entry in entries])
        owned = []
        for entry in entries:
            if claimed.get(entry["token_hash"]) == entry["id"]:
                owned.append(entry)
            else:
                await self._drop(_claim(user_id, entry))
        return owned

    async def _drop(self, claim: DeviceClaim) -> bool:
        """Take the entry of `claim` out of its user's list; tell whether it was in it."""
        return await self._users.update_one(
            {"_id": claim.user_id, "devices.id": claim.device_id},
            # Not one that was written anew since, under a newer key.
            {"$pull": {"devices": {"id": claim.device_id, "token_hash": claim.token_hash}}},
        )


def _spare(devices: Sequence[Device], *, keep: UUID) -> Sequence[Device]:
    """Return the devices over the limit: the inactive first, then those used longest ago."""
    others = [device for device in devices if device.id != keep]
    others.sort(key=lambda device: (device.is_active, device.last_used_at))
    return others[: max(0, len(devices) - MOST_DEVICES)]


def _hint(token: str) -> str:
    """Return the last characters of `token`, and never more than half of it."""
    shown = min(HINT_CHARACTERS, len(token) // 2)
    return "\N{HORIZONTAL ELLIPSIS}" + token[len(token) - shown :]


def _claim(user_id: UUID, entry: Document) -> DeviceClaim:
    return DeviceClaim(token_hash=entry["token_hash"], user_id=user_id, device_id=entry["id"])


def _device(entry: Document) -> Device:
    return Device(
        id=entry["id"],
        platform=entry["platform"],
        name=entry["name"],
        is_active=entry["is_active"],
        hint=entry["hint"],
        created_at=entry["created_at"],
        last_used_at=entry["last_used_at"],
    )
