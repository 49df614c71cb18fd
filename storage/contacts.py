"""How to reach people, read for sending: gates, addresses, devices, language and clock.

The one place that decrypts contact details of many at once; only workers call it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from storage.collection import StoreCollection
from storage.encryption import DecryptionError
from storage.recipients import RECIPIENT_FIELDS, recipient_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from rules.recipients import Recipient
    from storage.client import Document
    from storage.device_claims import DeviceClaims
    from storage.encryption import FieldCipher

log = structlog.get_logger(__name__)

_FIELDS = {
    **RECIPIENT_FIELDS,
    "name": 1,
    **{f"devices.{field}": 1 for field in ("id", "token", "token_hash", "platform", "is_active")},
}
_ADDRESS = {"email": {"email": 1}, "sms": {"phone": 1}, "push": {}}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAddress:
    """A device that can be pushed to."""

    id: UUID
    platform: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Somebody as a worker needs them for one channel; other channels' addresses are absent."""

    recipient: Recipient
    name: str | None
    address: str | None
    """The email address or phone number."""

    devices: tuple[DeviceAddress, ...]


class ContactsRepository:
    """The collection `users`, read with keys."""

    def __init__(
        self,
        database: AsyncIOMotorDatabase[Document],
        cipher: FieldCipher,
        claims: DeviceClaims,
    ) -> None:
        self._users = StoreCollection(database["users"])
        self._cipher = cipher
        self._claims = claims

    async def find_many(self, ids: Collection[UUID], channel: str) -> dict[UUID, Contact]:
        """Return how to reach `ids` by `channel`; who is unknown is absent."""
        found = await self._users.find_by_id(ids, {}, {**_FIELDS, **_ADDRESS[channel]})
        devices = await self._devices(found) if channel == "push" else {}
        return {
            user["_id"]: Contact(
                recipient=recipient_of(user),
                name=user.get("name"),
                address=self._opened(user["_id"], user.get("email") or user.get("phone")),
                devices=devices.get(user["_id"], ()),
            )
            for user in found
        }

    async def _devices(self, users: Collection[Document]) -> dict[UUID, tuple[DeviceAddress, ...]]:
        """Return the active devices of `users` whose tokens are still theirs."""
        active = [
            (user["_id"], entry)
            for user in users
            for entry in user.get("devices", ())
            if entry["is_active"]
        ]
        claimed = await self._claims.claimed([entry["token_hash"] for _, entry in active])
        owned: dict[UUID, tuple[DeviceAddress, ...]] = {}
        for user_id, entry in active:
            token = self._opened(user_id, entry["token"])
            if token is not None and claimed.get(entry["token_hash"]) == entry["id"]:
                device = DeviceAddress(id=entry["id"], platform=entry["platform"], token=token)
                owned[user_id] = (*owned.get(user_id, ()), device)
        return owned

    def _opened(self, user_id: UUID, stored: bytes | None) -> str | None:
        """Return what is stored in clear; what cannot be read is as good as absent."""
        if stored is None:
            return None
        try:
            return self._cipher.decrypt(stored, owner=user_id)
        except DecryptionError as error:
            log.warning("contact_unreadable", user_id=str(user_id), reason=error.reason)
            return None
