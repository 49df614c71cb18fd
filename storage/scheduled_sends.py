"""Direct sends that are to be sent at a time of their own: the schedules that people see.

    {sender, recipient_id, kind, title, created_at} beside the fields of every schedule

Errors: `ScheduleNotFound`, `ScheduleNotPending`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from storage.collection import StoreCollection
from storage.positions import EPOCH
from storage.schedules import NO_LONGER_DUE, PlannedEvent, schedule_row

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection
    from datetime import datetime
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.encryption import FieldCipher
    from storage.event_rows import NewEvent

NEWEST_FIRST = {"created_at": -1, "_id": -1}


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
class SchedulesPage:
    """How many there are in all, and those of the page, newest first."""

    count: int
    schedules: list[Schedule]


class ScheduledSends:
    """The collection `schedules`, as senders see it."""

    def __init__(self, database: AsyncIOMotorDatabase[Document], cipher: FieldCipher) -> None:
        self._schedules = StoreCollection(database["schedules"])
        self._cipher = cipher

    async def add(self, schedule: Schedule, event: NewEvent, *, now: datetime) -> None:
        """Keep the schedule, which is to become `event`; one of its id stays as it is.

        When its time is over by `now`, as where an earlier try was killed, it is due now: whoever
        looks for what is due has looked through the past.
        """
        due_at = max(schedule.send_at, now)
        planned = PlannedEvent(id=schedule.id, at=due_at, event=event)
        shown = {
            "at": schedule.send_at,
            "sender": schedule.sender,
            "recipient_id": schedule.recipient_id,
            "kind": schedule.kind,
            "title": schedule.title,
            "created_at": schedule.created_at,
        }
        await self._schedules.insert_new([{**schedule_row(planned, self._cipher), **shown}])

    async def page(self, sender: UUID | None, *, page: int, page_size: int) -> SchedulesPage:
        """Return page `page` (from 1) of the sender's schedules, or of all when it is None."""
        # Always a range: what else is planned has no such time, and without one the embedded store
        # may take an index that is in no order.
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
                {"$project": {"request": 0, "event": 0}},
            ]
        )
        schedules = [_schedule(row) for row in found]
        if len(found) < page_size and (found or skip == 0):
            return SchedulesPage(skip + len(found), schedules)
        return SchedulesPage(await self._schedules.count(wanted), schedules)

    async def exported(self, **named: UUID) -> AsyncIterator[list[Document]]:
        """Yield what is stored of those of one `sender` or one `recipient_id`, in clear."""
        async for rows in self._schedules.lagging().find_all(named):
            for row in rows:
                if "request" in row:
                    sealed = row["request"]
                    row["request"] = orjson.loads(self._cipher.decrypt(sealed, owner=row["_id"]))
            yield rows

    async def cancel(self, schedule_id: UUID, sender: UUID | None) -> None:
        """Cancel the sender's schedule, or anybody's when it is None, if it is not sent yet.

        Raises ScheduleNotFound, ScheduleNotPending.
        """
        # What else is planned has no sender, and is nobody's to cancel.
        named: dict[str, Any] = {"_id": schedule_id, "created_at": {"$gte": EPOCH}}
        if sender is not None:
            named["sender"] = sender
        if await self._schedules.update_one(
            {**named, "status": "scheduled"},
            {"$set": {"status": "cancelled"}, "$unset": NO_LONGER_DUE},
        ):
            return
        row = await self._schedules.find_one(named, {"status": 1})
        if row is None:
            raise ScheduleNotFound(schedule_id)
        raise ScheduleNotPending(schedule_id, row["status"])

    async def fail(self, ids: Collection[UUID], *, reason: str) -> None:
        """Note that nothing came of those of `ids` whose time had come, and why."""
        await self._schedules.update_by_id(
            ids,
            {"status": "sent"},
            {"$set": {"status": "failed", "reason": reason}, "$unset": NO_LONGER_DUE},
        )


def _schedule(row: Document) -> Schedule:
    return Schedule(
        id=row["_id"],
        sender=row["sender"],
        recipient_id=row["recipient_id"],
        kind=row["kind"],
        title=row["title"],
        send_at=row["at"],
        created_at=row["created_at"],
        status=row["status"],
    )
