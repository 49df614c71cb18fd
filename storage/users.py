"""Users, as the platform's events tell of them, and what they prefer.

    {_id, name, user_type, email, email_hash, phone, phone_hash, locale, timezone, profile_image,
     business_id, versions: {field: occurred_at}, registered_by: event_key, deleted_at,
     preferences: {key: value, only what was set, quiet_hours: {only what was set}},
     devices: [see storage/devices.py], following: [business id, oldest first],
     unreachable: see storage/reachability.py, slot, in_force: see storage/newcomers.py,
     opt_outs: see storage/opt_outs.py, last_active_at: see storage/last_activity.py}

`email` and `phone` are encrypted. Errors: `UserNotFound`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pymongo import UpdateOne

from rules.batching import BatchSizer
from rules.opt_outs import Way
from rules.preferences import DEFAULTS, Preferences
from storage.collection import IDS_AT_ONCE, StoreCollection
from storage.newcomers import IN_FORCE, newcomer, placed
from storage.opt_outs import noting
from storage.raw_batches import by_id
from storage.reachability import is_unreachable
from storage.recipients import PREFERENCE_FIELDS, RECIPIENT_FIELDS, preferences_of, recipient_of
from storage.versioned import newest_wins

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from rules.recipients import Recipient
    from storage.client import Document
    from storage.encryption import FieldCipher

PLAIN_FIELDS = frozenset({"name", "user_type", "locale", "timezone", "profile_image"})
ENCRYPTED_FIELDS = frozenset({"email", "phone"})

LOOK_UP_S = 0.012
"""Of one look-up of recipients: what the embedded store takes for `IDS_AT_ONCE`, of which it can do
no more, as each costs it more the more there are. A faster one is asked for as many as it can."""

_UNSEEN = dict.fromkeys(
    ("versions", "following", "devices", "unreachable", "in_force", "opt_outs"), 0
)


class UserNotFound(LookupError):
    """No event has told of this user, and none has done anything here."""

    def __init__(self, user_id: UUID) -> None:
        super().__init__(f"no user {user_id}")
        self.user_id = user_id


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """What one event says of a user; a field that is None is removed."""

    user_id: UUID
    fields: Mapping[str, str | None]
    occurred_at: datetime
    registered_by: UUID | None = None
    """The key of the event, if it is a registration; the first one is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One user, contact details decrypted."""

    id: UUID
    name: str | None
    user_type: str | None
    email: str | None
    phone: str | None
    locale: str | None
    timezone: str | None
    profile_image: str | None
    business_id: UUID | None
    preferences: Preferences
    """What was set, and else the defaults; `locale` and `timezone` of the profile among these."""


@dataclass(frozen=True, slots=True)
class Name:
    """Who somebody is to others."""

    name: str | None
    user_type: str | None
    profile_image: str | None = None


class UsersRepository:
    """The collection `users`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document], cipher: FieldCipher) -> None:
        self._users = StoreCollection(database["users"])
        self._cipher = cipher
        self._looked_up = BatchSizer(fewest=IDS_AT_ONCE, target_s=LOOK_UP_S)

    async def apply(self, changes: Sequence[ProfileChange]) -> None:
        """Store `changes`, each field's newest value winning."""
        await self._users.bulk_update(
            [
                UpdateOne({"_id": change.user_id}, self._update(change), upsert=True)
                for change in changes
                if change.fields
            ]
        )

    async def registered_by(self, ids: Collection[UUID]) -> dict[UUID, UUID]:
        """Return the keys of the events that registered the users `ids` first."""
        found = await self._users.find_by_id(ids, {}, {"registered_by": 1})
        return {user["_id"]: user["registered_by"] for user in found if "registered_by" in user}

    async def find(self, user_id: UUID) -> User | None:
        """Return the user, or None when there is none."""
        found = await self._users.find_one({"_id": user_id}, _UNSEEN)
        if found is None:
            return None
        return User(
            id=user_id,
            name=found.get("name"),
            user_type=found.get("user_type"),
            email=self._opened(user_id, found.get("email")),
            phone=self._opened(user_id, found.get("phone")),
            locale=found.get("locale"),
            timezone=found.get("timezone"),
            profile_image=found.get("profile_image"),
            business_id=found.get("business_id"),
            preferences=preferences_of(found),
        )

    async def exported(self, user_id: UUID) -> Document | None:
        """Return all that the user's document holds, in clear, but for what finds it by a value.

        Of devices no tokens: whoever has one can send to the device.
        """
        found = await self._users.lagging().find_one({"_id": user_id}, {"devices.token": 0})
        return None if found is None else self._in_clear(user_id, found)

    async def get(self, user_id: UUID) -> User:
        """Return the user; raise UserNotFound when there is none."""
        found = await self.find(user_id)
        if found is None:
            raise UserNotFound(user_id)
        return found

    async def recipients(self, ids: Collection[UUID]) -> dict[UUID, Recipient]:
        """Return what gates ask of the users `ids`; who is unknown is absent."""
        known: dict[UUID, Recipient] = {}
        left = iter(ids)
        while some := list(islice(left, self._looked_up.rows)):
            began = time.monotonic()
            found = await self._users.find_raw({"_id": {"$in": some}}, RECIPIENT_FIELDS)
            if len(some) == self._looked_up.rows:
                self._looked_up.observe(len(some), time.monotonic() - began)
            wanted = {user_id.bytes: user_id for user_id in some}
            for id_bytes, user in by_id(found):
                user_id = user["_id"] = wanted[id_bytes]
                known[user_id] = recipient_of(user)
        return known

    async def names(self, ids: Collection[UUID]) -> dict[UUID, Name]:
        """Return the names of the users `ids`; who is unknown is absent."""
        found = await self._users.find_by_id(
            ids, {}, {"name": 1, "user_type": 1, "profile_image": 1}
        )
        return {
            user["_id"]: Name(user.get("name"), user.get("user_type"), user.get("profile_image"))
            for user in found
        }

    async def following(self, user_id: UUID) -> list[UUID]:
        """Return the businesses that the user follows, oldest follow first."""
        found = await self._users.find_one({"_id": user_id}, {"following": 1})
        following: list[UUID] = found.get("following", []) if found else []
        return following

    async def following_of(self, ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
        """Return the businesses that each of `ids` follows; who follows none is absent."""
        found = await self._users.find_by_id(ids, {}, {"following": 1})
        return {user["_id"]: user["following"] for user in found if user.get("following")}

    async def preferences(self, user_id: UUID) -> Preferences:
        """Return what the user prefers; who is unknown has the defaults."""
        found = await self._users.find_one({"_id": user_id}, PREFERENCE_FIELDS)
        return DEFAULTS if found is None else preferences_of(found)

    async def note_deleted(self, deletions: Mapping[UUID, datetime]) -> None:
        """Keep when the platform deleted which users; who was not known is kept for it."""
        await self._users.bulk_update(
            UpdateOne({"_id": user_id}, {"$max": {"deleted_at": deleted_at}}, upsert=True)
            for user_id, deleted_at in deletions.items()
        )

    async def change_preferences(
        self, user_id: UUID, changes: Mapping[str, Any], *, user_type: str, at: datetime
    ) -> None:
        """Set the keys of `changes`, each on its own, those of `quiet_hours` too, at `at`.

        Values are as stored: `{"mute_all": bool, "quiet_hours": {"start": "HH:MM"}, ...}`. Who is
        not registered yet is kept, as `user_type`, until their registration arrives.
        """
        fields = _dotted("preferences", changes)
        if not fields:
            return
        noted = noting(changes, at=at, way=Way.SWITCHED_OFF)
        update = [*noted, _setting(fields), IN_FORCE]
        while not await self._users.update_one({"_id": user_id}, update):
            await self._users.insert_if_absent({"_id": user_id}, newcomer(user_id, user_type))

    async def switch(self, user_id: UUID, preference: str, *, is_on: bool, at: datetime) -> None:
        """Set one preference by a link, of somebody of whom something is kept, at `at`.

        Nobody becomes known by it.
        """
        noted = noting({preference: is_on}, at=at, way=Way.UNSUBSCRIBED)
        update = [*noted, _setting({f"preferences.{preference}": is_on})]
        await self._users.update_one({"_id": user_id}, update)

    def _update(self, change: ProfileChange) -> list[dict[str, Any]]:
        update = newest_wins(
            {
                field: self._stored(change.user_id, field, value)
                for field, value in change.fields.items()
            },
            change.occurred_at,
        )
        if change.registered_by is not None:
            first = {"$ifNull": ["$registered_by", {"$literal": change.registered_by}]}
            update.append({"$set": {"registered_by": first}})
        return [*update, {"$set": placed(change.user_id)}, IN_FORCE]

    def _stored(self, user_id: UUID, field: str, value: str | None) -> dict[str, Any]:
        """Return the fields of the document that hold `field`, which change together."""
        if field in PLAIN_FIELDS:
            return {field: value}
        if field == "business_id":
            return {field: None if value is None else UUID(value)}
        if field not in ENCRYPTED_FIELDS:
            raise ValueError(f"users have no field {field!r}")
        if value is None:
            return {field: None, f"{field}_hash": None}
        return {
            field: self._cipher.encrypt(value, owner=user_id),
            f"{field}_hash": self._cipher.lookup_hash(value),
        }

    def _in_clear(self, user_id: UUID, document: Document) -> Document:
        clear: Document = {}
        for key, value in document.items():
            if key.endswith("_hash"):
                continue
            if isinstance(value, bytes):
                clear[key] = self._cipher.decrypt(value, owner=user_id)
            elif key == "unreachable":
                clear[key] = sorted(name for name in value if is_unreachable(document, name))
            elif key == "devices":
                clear[key] = [self._in_clear(user_id, device) for device in value]
            else:
                clear[key] = value
        return clear

    def _opened(self, user_id: UUID, stored: bytes | None) -> str | None:
        return None if stored is None else self._cipher.decrypt(stored, owner=user_id)


def _setting(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stage that sets `fields`, as literals, because a text may begin with "$"."""
    return {"$set": {name: {"$literal": value} for name, value in fields.items()}}


def _dotted(path: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `{"path.key": value}`, so that keys beside those of `values` stay as they are."""
    fields: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{path}.{key}"
        fields |= _dotted(name, value) if isinstance(value, dict) else {name: value}
    return fields
