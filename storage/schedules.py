"""Schedules: events that are to happen at a time of their own.

    {_id, at, version, event: {key, sender, event_id, type, occurred_at, lane}, request, status:
     scheduled|sent|cancelled|failed, reason, due_at, due_key, claim, purge_at}

One is planned under an id that comes out the same each time; a higher `version` replaces what a
lower one planned, whichever comes first. `due_at` and `due_key` are there only until it is an
event: `at`, and while somebody is making it one, when that is taken for left. `request` is the data
of the event, encrypted as those are, and blanked once it is one. Direct sends have more fields:
storage/scheduled_sends.py.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import orjson
from pymongo import UpdateOne

from rules.due_keys import due_key
from rules.events import Lane
from storage.collection import StoreCollection
from storage.encryption import DecryptionError
from storage.event_rows import NewEvent
from storage.positions import EPOCH

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.encryption import FieldCipher

KEPT = timedelta(days=30)
"""How long after its time a schedule is kept: what nobody carried out for so long helps nobody."""

LEFT_AFTER = timedelta(seconds=10)
"""A claim older than this is of somebody who died: longer than it takes to store events."""

NO_LONGER_DUE = {"due_at": "", "due_key": "", "claim": "", "request": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedEvent:
    """An event that is to happen at `at`."""

    id: UUID
    at: datetime
    event: NewEvent
    version: int = 1


@dataclass(frozen=True, slots=True)
class Due:
    """A schedule whose time has come, or will soon."""

    id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Claimed:
    """A schedule that somebody is making the event it is to become."""

    id: UUID
    claim: UUID
    at: datetime
    """When it was to happen."""

    event: NewEvent


class SchedulesRepository:
    """The collection `schedules`, whatever is planned in it."""

    def __init__(self, database: AsyncIOMotorDatabase[Document], cipher: FieldCipher) -> None:
        self._schedules = StoreCollection(database["schedules"])
        self._cipher = cipher

    async def plan(self, planned: Sequence[PlannedEvent]) -> int:
        """Plan these, unless their version or a higher one was planned; return how many were new.

        One that was carried out or withdrawn is planned anew by a higher version.
        """
        if not planned:
            return 0
        rows = [schedule_row(each, self._cipher) for each in planned]
        known = await self._schedules.insert_new(rows)
        replaced = await self._schedules.bulk_update(_replacement(rows[place]) for place in known)
        return len(rows) - len(known) + replaced

    async def withdraw(self, versions: Mapping[UUID, int]) -> int:
        """Withdraw those of id -> version that a lower version planned; return how many waited.

        What is being made an event already goes its way.
        """
        return await self._schedules.bulk_update(
            UpdateOne(
                {"_id": schedule_id, "version": {"$lt": version}, "status": "scheduled"},
                {"$set": {"status": "cancelled", "version": version}, "$unset": NO_LONGER_DUE},
            )
            for schedule_id, version in versions.items()
        )

    async def due(self, *, first: int, last: int, limit: int | None) -> list[Due]:
        """Return those whose due key is from `first` to below `last`, `limit` at most, unordered.

        The embedded store reads all of the range, whatever the limit.
        """
        found = await self._schedules.find(
            {"due_key": {"$gte": first, "$lt": last}}, {"due_at": 1}, limit=limit
        )
        return [Due(row["_id"], row["due_at"]) for row in found]

    async def waiting_count(self) -> int:
        """Return how many wait for their time."""
        return await self._schedules.count({"due_key": {"$gte": 0}})

    async def claim(self, ids: Collection[UUID], *, by: datetime, now: datetime) -> list[Claimed]:
        """Take those of `ids` that are due by then, and return them; they cannot be cancelled.

        Whoever takes them has `LEFT_AFTER` to make them events; after it they are due again.
        """
        claim = uuid4()
        left_at = now + LEFT_AFTER
        await self._schedules.update_by_id(
            ids,
            {"due_at": {"$gte": EPOCH, "$lte": by}},
            {
                "$set": {
                    "status": "sent",
                    "due_at": left_at,
                    # What the dead left is late: it is found before all else.
                    "due_key": due_key(claim, left_at, is_urgent=True),
                    "claim": claim,
                }
            },
        )
        claimed: list[Claimed] = []
        unreadable: list[UUID] = []
        for row in await self._schedules.find_by_id(ids, {"claim": claim}):
            try:
                data = orjson.loads(self._cipher.decrypt(row["request"], owner=row["_id"]))
            except DecryptionError:
                unreadable.append(row["_id"])
            else:
                event = NewEvent(data=data, **row["event"])
                claimed.append(Claimed(row["_id"], claim, row["at"], event))
        if unreadable:
            await self._schedules.update_by_id(
                unreadable,
                {"claim": claim},
                {"$set": {"status": "failed", "reason": "unreadable"}, "$unset": NO_LONGER_DUE},
            )
        return claimed

    async def sent(self, claimed: Collection[Claimed]) -> None:
        """Note that `claimed` are events by now; what was planned anew meanwhile stays planned."""
        by_claim: dict[UUID, list[UUID]] = defaultdict(list)
        for each in claimed:
            by_claim[each.claim].append(each.id)
        for claim, ids in by_claim.items():
            await self._schedules.update_by_id(ids, {"claim": claim}, {"$unset": NO_LONGER_DUE})


def _replacement(row: Document) -> UpdateOne:
    fields = {name: value for name, value in row.items() if name != "_id"}
    return UpdateOne(
        {"_id": row["_id"], "version": {"$lt": row["version"]}},
        {"$set": fields, "$unset": {"claim": "", "reason": ""}},
    )


def schedule_row(planned: PlannedEvent, cipher: FieldCipher) -> Document:
    """Return the row of what is planned."""
    event = planned.event
    named: dict[str, Any] = {
        "key": event.key,
        "sender": event.sender,
        "event_id": event.event_id,
        "type": event.type,
        "occurred_at": event.occurred_at,
        "lane": event.lane,
    }
    is_urgent = event.lane == Lane.CRITICAL
    return {
        "_id": planned.id,
        "at": planned.at,
        "version": planned.version,
        "event": named,
        "request": cipher.encrypt(orjson.dumps(event.data).decode(), owner=planned.id),
        "status": "scheduled",
        "due_at": planned.at,
        "due_key": due_key(planned.id, planned.at, is_urgent=is_urgent),
        "purge_at": planned.at + KEPT,
    }
