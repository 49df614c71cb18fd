"""Schedules: notifications that are to be sent at a time of their own.

    {_id, sender, recipient_id, kind, title, send_at, created_at, request, status: scheduled|sent|
     cancelled|failed, reason, due_at, claim, purge_at}

`due_at` is there only until the request is an event: `send_at`, and while somebody is making it
one, when it is taken for left. `request` is what the event will say, encrypted as events are, and
blanked once it is one. Errors: `ScheduleNotFound`, `ScheduleNotPending`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import orjson

from storage.collection import StoreCollection
from storage.encryption import DecryptionError
from storage.positions import EPOCH

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection
    from datetime import datetime

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.encryption import FieldCipher

KEPT = timedelta(days=30)
"""How long after its time a schedule is listed."""

LEFT_AFTER = timedelta(seconds=10)
"""A claim older than this is of somebody who died: longer than it takes to store events."""

NEWEST_FIRST = {"created_at": -1, "_id": -1}

_NO_LONGER_WANTED = {"due_at": "", "claim": "", "request": ""}


class ScheduleNotFound(LookupError):
    """There is no such schedule, or it is another sender's."""

    def __init__(self, schedule_id: UUID) -> None:
        super().__init__(f"no schedule {schedule_id}")
        self.schedule_id = schedule_id


class ScheduleNotPending(Exception):
    """The schedule was sent, has failed or is cancelled already."""

    def __init__(self, schedule_id: UUID, status: str) -> None:
        super().__init__(f"schedule {schedule_id} is {status}")
        self.schedule_id = schedule_id
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One notification to be sent later, as lists show it."""

    id: UUID
    sender: UUID
    recipient_id: UUID
    kind: str
    title: str
    send_at: datetime
    created_at: datetime
    status: str = "scheduled"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A schedule whose time has come, and the data of the event that it becomes."""

    schedule: Schedule
    request: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SchedulesPage:
    """How many there are in all, and those of the page, newest first."""

    count: int
    schedules: list[Schedule]


class SchedulesRepository:
    """The collection `schedules`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document], cipher: FieldCipher) -> None:
        self._schedules = StoreCollection(database["schedules"])
        self._cipher = cipher

    async def add(self, schedule: Schedule, request: dict[str, Any]) -> None:
        """Keep the schedule, whose event will say `request`; one of its id stays as it is."""
        sealed = self._cipher.encrypt(orjson.dumps(request).decode(), owner=schedule.id)
        await self._schedules.insert_new(
            [
                {
                    "_id": schedule.id,
                    "sender": schedule.sender,
                    "recipient_id": schedule.recipient_id,
                    "kind": schedule.kind,
                    "title": schedule.title,
                    "send_at": schedule.send_at,
                    "created_at": schedule.created_at,
                    "request": sealed,
                    "status": schedule.status,
                    "due_at": schedule.send_at,
                    "purge_at": schedule.send_at + KEPT,
                }
            ]
        )

    async def page(self, sender: UUID | None, *, page: int, page_size: int) -> SchedulesPage:
        """Return page `page` (from 1) of the sender's schedules, or of all when it is None."""
        # Always a range: without one the embedded store may take an index that is in no order.
        wanted: dict[str, Any] = {"created_at": {"$gte": EPOCH}}
        if sender is not None:
            wanted = {"sender": sender, **wanted}
        skip = (page - 1) * page_size
        found = await self._schedules.aggregate(
            [
                {"$match": wanted},
                {"$sort": NEWEST_FIRST},
                {"$skip": skip},
                {"$limit": page_size},
                {"$project": {"request": 0}},
            ]
        )
        schedules = [_schedule(row) for row in found]
        if len(found) < page_size and (found or skip == 0):
            return SchedulesPage(skip + len(found), schedules)
        return SchedulesPage(await self._schedules.count(wanted), schedules)

    async def exported(self, **named: UUID) -> AsyncIterator[list[Document]]:
        """Yield what is stored of those of one `sender` or one `recipient_id`, in clear."""
        async for rows in self._schedules.find_all(named):
            for row in rows:
                if "request" in row:
                    sealed = row["request"]
                    row["request"] = orjson.loads(self._cipher.decrypt(sealed, owner=row["_id"]))
            yield rows

    async def cancel(self, schedule_id: UUID, sender: UUID | None) -> None:
        """Cancel the sender's schedule, or anybody's when it is None, if it is not sent yet.

        Raises ScheduleNotFound, ScheduleNotPending.
        """
        named: dict[str, Any] = {"_id": schedule_id}
        if sender is not None:
            named["sender"] = sender
        if await self._schedules.update_one(
            {**named, "status": "scheduled"},
            {"$set": {"status": "cancelled"}, "$unset": _NO_LONGER_WANTED},
        ):
            return
        row = await self._schedules.find_one(named, {"status": 1})
        if row is None:
            raise ScheduleNotFound(schedule_id)
        raise ScheduleNotPending(schedule_id, row["status"])

    async def due(self, *, by: datetime, limit: int) -> list[tuple[UUID, datetime]]:
        """Return (id, when) of at most `limit` that are due by then, earliest first."""
        found = await self._schedules.find(
            {"due_at": {"$gte": EPOCH, "$lte": by}},
            {"due_at": 1},
            sort=[("due_at", 1)],
            limit=limit,
        )
        return [(row["_id"], row["due_at"]) for row in found]

    async def waiting_count(self) -> int:
        """Return how many wait for their time."""
        return await self._schedules.count({"due_at": {"$gte": EPOCH}})

    async def claim(self, ids: Collection[UUID], *, by: datetime, now: datetime) -> list[Claimed]:
        """Take those of `ids` that are due by then, and return them; they cannot be cancelled.

        Whoever takes them has `LEFT_AFTER` to make them events; after it they are due again.
        """
        claim = uuid4()
        await self._schedules.update_by_id(
            ids,
            {"due_at": {"$gte": EPOCH, "$lte": by}},
            {"$set": {"status": "sent", "due_at": now + LEFT_AFTER, "claim": claim}},
        )
        claimed: list[Claimed] = []
        unreadable: list[UUID] = []
        for row in await self._schedules.find_by_id(ids, {"claim": claim}):
            try:
                request = orjson.loads(self._cipher.decrypt(row["request"], owner=row["_id"]))
            except DecryptionError:
                unreadable.append(row["_id"])
            else:
                claimed.append(Claimed(_schedule(row), request))
        if unreadable:
            await self.fail(unreadable, reason="unreadable")
        return claimed

    async def sent(self, ids: Collection[UUID]) -> None:
        """Note that `ids` are events by now."""
        await self._schedules.update_by_id(
            ids, {"status": {"$ne": "scheduled"}}, {"$unset": _NO_LONGER_WANTED}
        )

    async def fail(self, ids: Collection[UUID], *, reason: str) -> None:
        """Note that nothing came of those of `ids` whose time had come, and why."""
        await self._schedules.update_by_id(
            ids,
            {"status": "sent"},
            {"$set": {"status": "failed", "reason": reason}, "$unset": _NO_LONGER_WANTED},
        )


def _schedule(row: Document) -> Schedule:
    return Schedule(
        id=row["_id"],
        sender=row["sender"],
        recipient_id=row["recipient_id"],
        kind=row["kind"],
        title=row["title"],
        send_at=row["send_at"],
        created_at=row["created_at"],
        status=row["status"],
    )
