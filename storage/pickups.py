"""Pickups, as the platform's events tell of them.

    {_id: interaction_id, user_id, business_id, order_number, pickup_time, pickup_location,
     contact_person, contact_phone, confirmation_code, items, total_amount,
     status: scheduled|completed|cancelled, versions: {details: occurred_at, status: occurred_at},
     revision, announced_at, told: {<reminder>: {at, by}}, purge_at}

All that was said when a pickup was scheduled changes together, apart from its status: one that was
scheduled before it was completed, and told of after, is completed. `contact_person`,
`contact_phone` and `confirmation_code` are encrypted for the user. What is told of it is kept as
storage/standing.py says.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from pymongo import UpdateOne

from storage.collection import StoreCollection
from storage.standing import Standing, StandingFields, Telling
from storage.versioned import newest_wins

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from datetime import datetime

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.encryption import FieldCipher

KEPT = timedelta(days=180)
"""After the pickup, or the last event that told of it: no event comes later than that."""

ENCRYPTED_FIELDS = ("contact_person", "contact_phone", "confirmation_code")

ON = StandingFields(state="status", is_on="scheduled", time="pickup_time")

PickupStatus = Literal["scheduled", "completed", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PickupDetails:
    """What is said of a pickup when it is scheduled; texts as they were sent."""

    user_id: UUID
    business_id: UUID
    order_number: str
    pickup_time: datetime
    pickup_location: str
    contact_person: str | None = None
    contact_phone: str | None = None
    confirmation_code: str | None = None
    items: list[Any] | None = None
    total_amount: str | None = None


_DETAILS = tuple(each.name for each in fields(PickupDetails))


@dataclass(frozen=True, slots=True, kw_only=True)
class PickupChange:
    """What one event says of a pickup; `details` come with `scheduled`, and only then."""

    interaction_id: str
    status: PickupStatus
    occurred_at: datetime
    accepted_at: datetime
    details: PickupDetails | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pickup:
    """One pickup; without details while only its end has been told of."""

    interaction_id: str
    status: PickupStatus
    details: PickupDetails | None


class PickupsRepository:
    """The collection `pickups`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document], cipher: FieldCipher) -> None:
        self._pickups = StoreCollection(database["pickups"])
        self._cipher = cipher

    async def apply(self, changes: Sequence[PickupChange], *, at: datetime) -> None:
        """Store `changes`, the newest of the details and of the status winning."""
        await self._pickups.bulk_update(
            UpdateOne({"_id": change.interaction_id}, self._update(change, at), upsert=True)
            for change in changes
        )

    async def find(self, interaction_id: str) -> Pickup | None:
        """Return the pickup, or None when there is none."""
        found = await self._pickups.find_one({"_id": interaction_id})
        return None if found is None else self._pickup(found)

    async def standing(self, interaction_ids: Iterable[str]) -> dict[str, Standing]:
        """Return how those of `interaction_ids` stand that are known."""
        rows = await self._pickups.find_by_id(interaction_ids, {}, ON.projection)
        return {row["_id"]: ON.standing(row) for row in rows}

    async def tell(self, tellings: Sequence[Telling]) -> dict[UUID, Pickup]:
        """Take in that these are told now; return by event key the pickups to tell of.

        Of one that is not on at the time, or that another event told of for the same time, nobody
        is to be told. An event that is carried out again is let through again.
        """
        await self._pickups.bulk_update(ON.told(telling) for telling in tellings)
        found = await self._pickups.find_by_id({telling.id for telling in tellings}, {})
        rows = {row["_id"]: row for row in found}
        return {
            telling.event_key: self._pickup(rows[telling.id])
            for telling in tellings
            if telling.id in rows and ON.is_told_by(telling, rows[telling.id])
        }

    async def exported(self, user_id: UUID) -> AsyncIterator[list[Document]]:
        """Yield what is stored of the user's pickups, in clear."""
        async for rows in self._pickups.lagging().find_all({"user_id": user_id}):
            for row in rows:
                for name in ENCRYPTED_FIELDS:
                    row[name] = self._opened(row, name)
            yield rows

    def _update(self, change: PickupChange, at: datetime) -> list[dict[str, Any]]:
        said: dict[str, dict[str, Any]] = {"status": {"status": change.status}}
        last = at
        if change.details is not None:
            said["details"] = self._stored(change.details)
            last = max(at, change.details.pickup_time)
        update = ON.counted(newest_wins(said, change.occurred_at), accepted_at=change.accepted_at)
        return [*update, {"$set": {"purge_at": {"$max": [last + KEPT, "$purge_at"]}}}]

    def _stored(self, details: PickupDetails) -> dict[str, Any]:
        stored = {name: getattr(details, name) for name in _DETAILS}
        for name in ENCRYPTED_FIELDS:
            if stored[name] is not None:
                stored[name] = self._cipher.encrypt(stored[name], owner=details.user_id)
        return stored

    def _opened(self, row: Document, name: str) -> str | None:
        return self._cipher.decrypt(row[name], owner=row["user_id"]) if name in row else None

    def _pickup(self, row: Document) -> Pickup:
        details = None
        if "user_id" in row:
            said: dict[str, Any] = {name: row.get(name) for name in _DETAILS}
            said |= {name: self._opened(row, name) for name in ENCRYPTED_FIELDS}
            details = PickupDetails(**said)
        return Pickup(interaction_id=row["_id"], status=row["status"], details=details)
