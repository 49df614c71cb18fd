"""What operators did, and on whose word: rows that are added and never changed.

    {_id, at, actor, actor_type, action, target, ip, request_id, details}

A row is there before what it tells of is done, so that nothing is done that is not on record. The
newest comes first; of the same moment, the one with the higher id.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from storage.collection import StoreCollection
from storage.positions import EPOCH

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import datetime
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

NEWEST_FIRST = {"at": -1, "_id": -1}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One thing that somebody did, or was about to do."""

    id: UUID
    at: datetime
    actor: UUID
    actor_type: str
    action: str
    """What was done, subject first: `channel.pause`."""

    target: str
    """What it was done to; with its kind where the action does not say it."""

    ip: str
    request_id: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which rows are asked for: none of the fields, all rows."""

    actor: UUID | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Both inclusive."""


@dataclass(frozen=True, slots=True)
class AuditPage:
    """How many rows match in all, and those of the page, newest first."""

    count: int
    entries: list[AuditEntry]


class AuditLog:
    """The collection `audit_log`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._rows = StoreCollection(database["audit_log"])
        self._lagging = self._rows.lagging()

    async def add(self, entry: AuditEntry) -> None:
        """Add a row."""
        await self._rows.insert_new(
            [
                {
                    "_id": entry.id,
                    "at": entry.at,
                    "actor": entry.actor,
                    "actor_type": entry.actor_type,
                    "action": entry.action,
                    "target": entry.target,
                    "ip": entry.ip,
                    "request_id": entry.request_id,
                    "details": entry.details,
                }
            ]
        )

    async def page(self, wanted: AuditFilter, *, page: int, page_size: int) -> AuditPage:
        """Return page `page` (from 1) of the rows that match."""
        matching = _matching(wanted)
        skip = (page - 1) * page_size
        found = await self._lagging.aggregate(
            [{"$match": matching}, {"$sort": NEWEST_FIRST}, {"$skip": skip}, {"$limit": page_size}]
        )
        entries = [_entry(row) for row in found]
        if len(found) < page_size and (found or skip == 0):
            return AuditPage(skip + len(found), entries)
        return AuditPage(await self._lagging.count(matching), entries)

    async def exported(self, actor: UUID) -> AsyncIterator[list[Document]]:
        """Yield what is on record of one actor."""
        async for rows in self._lagging.find_all({"actor": actor}):
            yield rows


def _matching(wanted: AuditFilter) -> dict[str, Any]:
    """Return the filter; always with a range of time, so that an index has the order too."""
    matching: dict[str, Any] = {}
    if wanted.actor is not None:
        matching["actor"] = wanted.actor
    if wanted.action is not None:
        matching["action"] = wanted.action
    matching["at"] = {"$gte": wanted.since or EPOCH}
    if wanted.until is not None:
        matching["at"]["$lte"] = wanted.until
    return matching


def _entry(row: Document) -> AuditEntry:
    return AuditEntry(
        id=row["_id"],
        at=row["at"],
        actor=row["actor"],
        actor_type=row["actor_type"],
        action=row["action"],
        target=row["target"],
        ip=row["ip"],
        request_id=row["request_id"],
        details=row["details"],
    )
