"""Events of the platform, durable before they are answered, and who carries each of them out.

    {_id: event_key, sender, event_id, type, occurred_at, accepted_at, data, lane, pending_owner,
     epoch, claim, cursor, until, share_of, attempts, takeovers, retry_at,
     state: pending|done|failed, error, refusal, done_at, purge_at}

`pending_owner` is "" when nobody has the event, and absent once it is finished. `until` is where
one ends of which others have a share, and `share_of` is what such a share is of. `data` is
encrypted: registrations hold addresses. Errors: `Fenced`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

import orjson

from storage.collection import StoreCollection
from storage.encryption import DecryptionError
from storage.event_rows import NewEvent, StoredEvent

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from rules.lease import Lease
    from storage.client import Document
    from storage.encryption import FieldCipher

__all__ = ["EventsRepository", "Fenced", "NewEvent", "Progress", "StoredEvent"]

KEPT = timedelta(days=180)
"""How long an event's id is known (contract section 3)."""

NOBODY = ""


class Fenced(Exception):
    """The event is no longer this owner's: another has it, or it is finished."""

    def __init__(self, key: UUID) -> None:
        super().__init__(f"event {key} belongs to somebody else now")
        self.key = key


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an event is, for who did not carry it out and wants to know."""

    accepted_at: datetime
    state: Literal["pending", "done", "failed"]
    refusal: str | None
    """Why one that is done made nothing."""


class EventsRepository:
    """The collection `events`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document], cipher: FieldCipher) -> None:
        self._events = StoreCollection(database["events"])
        self._cipher = cipher

    async def accept(self, events: Sequence[NewEvent], *, accepted_at: datetime) -> set[UUID]:
        """Store `events` and return the keys of those that were not there before.

        After StoreUnavailable any part of them may be stored; `held` tells of what is ours.
        """
        if not events:
            return set()
        rows = [self._document(event, accepted_at) for event in events]
        known = set(await self._events.insert_new(rows))
        return {event.key for place, event in enumerate(events) if place not in known}

    async def advance(self, key: UUID, lease: Lease, cursor: int) -> None:
        """Store how far the event is carried out; raise Fenced when it is not ours."""
        await self._guarded(key, lease, {"$set": {"cursor": cursor}})

    async def shorten(self, key: UUID, lease: Lease, until: int) -> None:
        """Store that the event ends before the cursor `until`; raise Fenced when it is not ours."""
        await self._guarded(key, lease, {"$set": {"until": until}})

    async def finish(self, key: UUID, lease: Lease, *, at: datetime) -> None:
        """Mark the event done and blank its data; raise Fenced when it is not ours."""
        await self._guarded(key, lease, _done(at))

    async def finish_all(
        self, keys: Collection[UUID], lease: Lease, *, at: datetime, refusal: str | None = None
    ) -> None:
        """Mark those of `keys` done that are ours, having made nothing where `refusal` says why."""
        await self._events.update_by_id(keys, _owned_by(lease), _done(at, refusal))

    async def fail(self, key: UUID, lease: Lease, *, error: str, at: datetime) -> None:
        """Give the event up and keep its data; raise Fenced when it is not ours."""
        await self._guarded(key, lease, _failed(error, at))

    async def postpone(self, key: UUID, lease: Lease, *, retry_at: datetime, error: str) -> None:
        """Give the event back, not to be taken before `retry_at`; raise Fenced when not ours."""
        await self._guarded(
            key,
            lease,
            {
                "$set": {"pending_owner": NOBODY, "retry_at": retry_at, "error": error},
                "$inc": {"attempts": 1},
            },
        )

    async def release(self, keys: Collection[UUID], lease: Lease) -> None:
        """Give back those of `keys` that are ours, to be taken at once."""
        await self._events.update_by_id(keys, _owned_by(lease), {"$set": {"pending_owner": NOBODY}})

    async def claim_unowned(
        self, lease: Lease, *, lanes: Sequence[str], limit: int, now: datetime
    ) -> list[StoredEvent]:
        """Take at most `limit` events of `lanes` that nobody has, in each lane the oldest first."""
        keys: list[UUID] = []
        for lane in lanes:
            if len(keys) < limit:
                found = await self._events.find(
                    {"pending_owner": NOBODY, "lane": lane, "retry_at": {"$lte": now}},
                    {"_id": 1},
                    sort=[("retry_at", 1)],
                    limit=limit - len(keys),
                )
                keys += [row["_id"] for row in found]
        return await self._take(keys, {"pending_owner": NOBODY}, lease, {})

    async def claim_from(
        self, owner: str, *, below_epoch: int, lease: Lease, limit: int
    ) -> list[StoredEvent]:
        """Take at most `limit` events of `owner`, of its incarnations below `below_epoch`."""
        held = {"pending_owner": owner, "epoch": {"$lt": below_epoch}}
        found = await self._events.find(held, {"_id": 1}, limit=limit)
        return await self._take([row["_id"] for row in found], held, lease, {"takeovers": 1})

    async def has_unowned(self, lane: str) -> bool:
        """Tell whether `lane` has events that nobody has."""
        unowned = {"pending_owner": NOBODY, "lane": lane}
        return await self._events.find_one(unowned, {"_id": 1}) is not None

    async def has_pending(self, owner: str, *, below_epoch: int) -> bool:
        """Tell whether incarnations of `owner` below `below_epoch` have unfinished events."""
        held = {"pending_owner": owner, "epoch": {"$lt": below_epoch}}
        return await self._events.find_one(held, {"_id": 1}) is not None

    async def release_all(self, lease: Lease) -> None:
        """Give back every event that is ours, to be taken at once."""
        ours = await self._events.find(_owned_by(lease), {"_id": 1})
        await self.release([row["_id"] for row in ours], lease)

    async def progress(self, key: UUID) -> Progress | None:
        """Return how far the event is, None when there is none."""
        row = await self._events.find_one(
            {"_id": key}, {"accepted_at": 1, "state": 1, "refusal": 1}
        )
        if row is None:
            return None
        return Progress(row["accepted_at"], row["state"], row.get("refusal"))

    async def ids(self, keys: Collection[UUID]) -> dict[UUID, str]:
        """Return the ids of the events that are stored under `keys`, as their senders gave them."""
        rows = await self._events.find_by_id(keys, {}, {"event_id": 1})
        return {row["_id"]: row["event_id"] for row in rows}

    async def held(self, lease: Lease) -> list[StoredEvent]:
        """Return all events that are ours."""
        return await self._opened(await self._events.find(_owned_by(lease)))

    async def pending_count(self) -> int:
        """Return how many events are not finished."""
        return await self._events.count({"pending_owner": {"$gte": NOBODY}})

    async def _take(
        self, keys: list[UUID], held: Mapping[str, Any], lease: Lease, counted: Mapping[str, int]
    ) -> list[StoredEvent]:
        """Make those of `keys` ours that are still held as `held` says, and return them."""
        if not keys:
            return []
        claim = uuid4()
        update: dict[str, Any] = {
            "$set": {"pending_owner": lease.owner, "epoch": lease.epoch, "claim": claim}
        }
        if counted:
            update["$inc"] = counted
        # What was won is read back: a count of updates cannot tell whose they are.
        await self._events.update_by_id(keys, held, update)
        return await self._opened(await self._events.find_by_id(keys, {"claim": claim}))

    async def _guarded(self, key: UUID, lease: Lease, update: Mapping[str, Any]) -> None:
        if not await self._events.update_one({"_id": key, **_owned_by(lease)}, update):
            raise Fenced(key)

    def _document(self, event: NewEvent, accepted_at: datetime) -> Document:
        return {
            "_id": event.key,
            "sender": event.sender,
            "event_id": event.event_id,
            "type": event.type,
            "occurred_at": event.occurred_at,
            "accepted_at": accepted_at,
            "data": self._cipher.encrypt(orjson.dumps(event.data).decode(), owner=event.key),
            "lane": event.lane,
            "pending_owner": NOBODY if event.lease is None else event.lease.owner,
            "epoch": 0 if event.lease is None else event.lease.epoch,
            "cursor": event.cursor,
            "attempts": 0,
            "takeovers": 0,
            "retry_at": accepted_at if event.retry_at is None else event.retry_at,
            "state": "pending",
            "purge_at": accepted_at + KEPT,
            **({} if event.until is None else {"until": event.until}),
            **({} if event.share_of is None else {"share_of": event.share_of}),
        }

    async def _opened(self, rows: Sequence[Document]) -> list[StoredEvent]:
        """Return `rows` as events, oldest first; those that cannot be read are given up."""
        events = []
        unreadable = []
        for row in sorted(rows, key=lambda row: (row["accepted_at"], row["_id"])):
            try:
                data = orjson.loads(self._cipher.decrypt(row["data"], owner=row["_id"]))
            except DecryptionError:
                unreadable.append(row["_id"])
                continue
            events.append(_event(row, data))
        if unreadable:
            await self._events.update_many(
                {"_id": {"$in": unreadable}, "state": "pending"}, _failed("cannot be decrypted")
            )
        return events


def _event(row: Document, data: dict[str, Any]) -> StoredEvent:
    return StoredEvent(
        key=row["_id"],
        sender=row["sender"],
        event_id=row["event_id"],
        type=row["type"],
        occurred_at=row["occurred_at"],
        accepted_at=row["accepted_at"],
        data=data,
        lane=row["lane"],
        cursor=row["cursor"],
        attempts=row["attempts"],
        takeovers=row["takeovers"],
        until=row.get("until"),
        share_of=row.get("share_of"),
    )


def _owned_by(lease: Lease) -> dict[str, Any]:
    return {"pending_owner": lease.owner, "epoch": lease.epoch}


def _done(at: datetime, refusal: str | None = None) -> dict[str, Any]:
    refused = {} if refusal is None else {"refusal": refusal}
    return {
        "$set": {"state": "done", "done_at": at, "data": None, **refused},
        "$unset": {"pending_owner": "", "retry_at": "", "error": ""},
    }


def _failed(error: str, at: datetime | None = None) -> dict[str, Any]:
    return {
        "$set": {"state": "failed", "done_at": at, "error": error},
        "$unset": {"pending_owner": "", "retry_at": ""},
    }
