"""Mark notifications read, those of all who ask in the same moment by one round trip.

A bulk of updates tells how many rows it changed, not which. As a rule that is all of them, which
says everything; else some were read already, and each row that was not has in `marking` which
round trip read it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID, uuid4

from pymongo import UpdateOne

from storage.client import store_call
from storage.collection import UPDATES_AT_ONCE, StoreCollection, portions
from storage.notification_rows import named
from storage.together import Together

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from storage.client import Document

FEW_IDS = 5
"""More go alone: who has one to mark is not to wait for a thousand of somebody else's."""

MARKS_AT_ONCE = UPDATES_AT_ONCE
"""Most are of one id, so that this is one portion, and five at most."""


class Mark(NamedTuple):
    """Which rows whoever reads them wants to be read."""

    recipient_id: UUID
    ids: Collection[UUID]
    at: datetime


class ReadMarks:
    """Marks rows of the collection `notifications`."""

    def __init__(self, rows: StoreCollection) -> None:
        self._rows = rows
        self._mark_few = Together(self._mark_all, most=MARKS_AT_ONCE)

    async def mark(self, recipient_id: UUID, ids: Collection[UUID], *, at: datetime) -> int:
        """Mark those of `ids` read that are the recipient's; return how many were unread."""
        wanted = Mark(recipient_id, ids, at)
        if len(ids) > FEW_IDS:
            return await self._mark_alone(wanted)
        return await self._mark_few(wanted)

    async def _mark_alone(self, wanted: Mark) -> int:
        return await self._rows.update_by_id(
            wanted.ids, {"recipient_id": wanted.recipient_id, "unread": True}, _read(wanted.at)
        )

    async def _mark_all(self, wanted: Sequence[Mark]) -> list[int]:
        """Mark what each wants, and return how many that changed.

        All portions have the time of one call, since readers look back for `changed_at`.
        """
        if len(wanted) == 1:
            return [await self._mark_alone(wanted[0])]
        marking = uuid4()
        # Of several who want the same row, it turns for the first.
        takers: dict[tuple[UUID, UUID], int] = {}
        for place, each in enumerate(wanted):
            for notification_id in each.ids:
                takers.setdefault((each.recipient_id, notification_id), place)
        updates = [
            UpdateOne(
                {"_id": notification_id, "recipient_id": recipient_id, "unread": True},
                _read(wanted[place].at, marking=marking),
            )
            for (recipient_id, notification_id), place in takers.items()
        ]
        async with store_call():
            changed = await self._rows.bulk_update(updates, is_ordered=False)
        counts = Counter(takers.values())
        if changed < len(updates):
            counts = Counter([takers[ref] for ref in await self._read_by(marking, takers)])
        return [counts[place] for place in range(len(wanted))]

    async def _read_by(
        self, marking: UUID, refs: Collection[tuple[UUID, UUID]]
    ) -> list[tuple[UUID, UUID]]:
        """Return which of the rows `(recipient, id)` that round trip has read."""
        found: list[Document] = []
        for some in portions(refs):
            found += await self._rows.find({**named(some), "marking": marking}, {"recipient_id": 1})
        return [(row["recipient_id"], row["_id"]) for row in found]


def _read(at: datetime, **also: UUID) -> Mapping[str, Any]:
    return {
        "$set": {"is_read": True, "read_at": at, "changed_at": at, **also},
        "$unset": {"unread": ""},
    }
