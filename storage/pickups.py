"""Pickups, as the platform's events tell of them.

    {_id: interaction_id, user_id, business_id, order_number, pickup_time, pickup_location,
     contact_person, contact_phone, confirmation_code, items, total_amount,
     status: scheduled|completed|cancelled, versions: {details: occurred_at, status: occurred_at},
     revision, announced_at, told: {<reminder>: {at: pickup_time, by: event key}}, purge_at}

All that was said when a pickup was scheduled changes together, apart from its status: one that was
scheduled before it was completed, and told of after, is completed. `contact_person`,
`contact_phone` and `confirmation_code` are encrypted for the user. `revision` counts what was told
of it; `announced_at` is when this service heard that it is on at this time; `told` says which
reminders were told, for which time and by which event, so that each is told once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from pymongo import UpdateOne

from storage.collection import StoreCollection
from storage.versioned import newest_wins, with_standing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from datetime import datetime

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.encryption import FieldCipher

KEPT = timedelta(days=180)
"""After the pickup, or the last event that told of it: no event comes later than that."""

ENCRYPTED_FIELDS = ("contact_person", "contact_phone", "confirmation_code")

_OF_STANDING = {"pickup_time": 1, "status": 1, "announced_at": 1, "revision": 1, "told": 1}

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whether a pickup is on and when, and of what its user has been told."""

    interaction_id: str
    pickup_time: datetime | None
    """None when it is not on: completed, cancelled, or never scheduled."""

    announced_at: datetime | None
    revision: int
    told: frozenset[str] = field(default_factory=frozenset)
    """The reminders that were told for this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """A reminder that an event is about to tell, of a pickup at a time."""

    interaction_id: str
    reminder: str
    pickup_time: datetime
    event_key: UUID


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
        rows = await self._pickups.find_by_id(interaction_ids, {}, _OF_STANDING)
        return {row["_id"]: _standing(row) for row in rows}

    async def tell(self, tellings: Sequence[Telling]) -> dict[UUID, Pickup]:
        """Take in that these are told now; return by event key the pickups to tell of.

        Of one that is not on at the time, or that another event told of for the same time, nobody
        is to be told. An event that is carried out again is let through again.
        """
        await self._pickups.bulk_update(_taken(telling) for telling in tellings)
        ids = {telling.interaction_id for telling in tellings}
        rows = {row["_id"]: row for row in await self._pickups.find_by_id(ids, {})}
        return {
            telling.event_key: self._pickup(rows[telling.interaction_id])
            for telling in tellings
            if telling.interaction_id in rows and _is_ours(telling, rows[telling.interaction_id])
        }

    async def exported(self, user_id: UUID) -> AsyncIterator[list[Document]]:
        """Yield what is stored of the user's pickups, in clear."""
        async for rows in self._pickups.find_all({"user_id": user_id}):
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
        update = with_standing(
            newest_wins(said, change.occurred_at),
            state="status",
            is_on="scheduled",
            time="pickup_time",
            accepted_at=change.accepted_at,
        )
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


def _standing(row: Document) -> Standing:
    pickup_time = row.get("pickup_time") if row["status"] == "scheduled" else None
    told = row.get("told", {})
    return Standing(
        interaction_id=row["_id"],
        pickup_time=pickup_time,
        announced_at=row.get("announced_at"),
        revision=row["revision"],
        told=frozenset(name for name, each in told.items() if each["at"] == pickup_time),
    )


def _taken(telling: Telling) -> UpdateOne:
    told = f"told.{telling.reminder}"
    return UpdateOne(
        {
            "_id": telling.interaction_id,
            "status": "scheduled",
            "pickup_time": telling.pickup_time,
            f"{told}.at": {"$ne": telling.pickup_time},
        },
        {"$set": {told: {"at": telling.pickup_time, "by": telling.event_key}}},
    )


def _is_ours(telling: Telling, row: Mapping[str, Any]) -> bool:
    told = row.get("told", {}).get(telling.reminder)
    return (
        row["status"] == "scheduled"
        and row.get("pickup_time") == telling.pickup_time
        and told == {"at": telling.pickup_time, "by": telling.event_key}
    )
