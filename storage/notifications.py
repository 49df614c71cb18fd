"""Notifications: one row for one recipient, with the state of all its channels in it.

    {_id, recipient_id, event_id, kind, writer, created_at, floor, in_app, inbox, unread, is_read,
     read_at, is_deleted, deleted_at, changed_at, title, message, data, action_buttons, image_url,
     priority, business_id, sender_id, sender_type, template, campaign_id, clicked_at,
     clicked_action, marking, is_blanked,
     channels: {<channel>: {status, reason, due_at, filed, attempts}}}

`inbox` is true only while the row is shown, and `unread` only while it is shown and not read;
otherwise they are absent, and so the indexes on them hold no more than that. Order is the position
(storage/positions.py), then the id. Every query names the recipient, the shard key. What is kept of
clicks is the first. Errors: `NotInInbox`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from rules.batching import BatchSizer
from storage.collection import StoreCollection, portions
from storage.inbox_filter import InboxFilter
from storage.inbox_pages import InboxPages
from storage.listed_rows import ListedRow
from storage.notification_rows import NotificationRow, named
from storage.positions import EPOCH
from storage.read_marks import ReadMarks
from storage.row_encoding import encoded
from storage.sealing import opened

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.encryption import FieldCipher

__all__ = [
    "Change",
    "Counted",
    "InboxFilter",
    "ListedRow",
    "Mark",
    "NotInInbox",
    "NotificationRow",
    "NotificationsRepository",
    "Snapshot",
]

OLDEST_FIRST = [("created_at", 1), ("_id", 1)]

Mark = Literal["inbox", "unread"]
"""What a row has while it is shown, and while it is shown and not read."""

FEWEST_INSERTED = 25
"""The embedded store takes 1 ms and more for a row, and whoever else asks it waits meanwhile."""


class Counted(NamedTuple):
    """Which rows of whose are to be counted."""

    recipient_id: UUID
    mark: Mark
    """What they have."""

    recent_since: datetime
    """From which position on it is to be said of each row, with the mark or not, that it is in."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A count of rows that have a mark, and the recent rows that it has taken into account.

    A row is in `count`, if it had the mark, when it is older than asked or among `recent_ids`.
    """

    count: int
    recent_ids: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a row after it was announced."""

    id: UUID
    is_read: bool
    is_deleted: bool


class NotInInbox(LookupError):
    """The inbox does not show such a notification: another's, a deleted one, or none."""

    def __init__(self, notification_id: UUID) -> None:
        super().__init__(f"no notification {notification_id} in the inbox")
        self.notification_id = notification_id


class NotificationsRepository:
    """The collection `notifications`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document], cipher: FieldCipher) -> None:
        self._rows = StoreCollection(database["notifications"])
        self._pages = InboxPages(self._rows, cipher)
        self._read_marks = ReadMarks(self._rows)
        self._cipher = cipher
        self._sizer = BatchSizer(fewest=FEWEST_INSERTED)

    async def insert(self, rows: Sequence[NotificationRow]) -> list[NotificationRow]:
        """Insert `rows` and return them as stored, in their order.

        One that was there before comes back as it was then, with its own position and state.
        """
        if not rows:
            return []
        known = await self._rows.insert_in_portions(encoded(rows, self._cipher), self._sizer)
        if not known:
            return list(rows)
        stored: dict[UUID, NotificationRow] = {}
        for named_rows in portions((rows[place].recipient_id, rows[place].id) for place in known):
            for found in await self._rows.find(named(named_rows)):
                stored[found["_id"]] = self._row(found)
        return [stored.get(row.id, row) for row in rows]

    async def page(
        self, recipient_id: UUID, wanted: InboxFilter, *, page: int, page_size: int
    ) -> list[ListedRow]:
        """Return page `page` (from 1) of the inbox, newest first."""
        return await self._pages.read(recipient_id, wanted, page=page, page_size=page_size)

    async def count(self, recipient_id: UUID, wanted: InboxFilter) -> int:
        """Return how many rows of the inbox are wanted."""
        counted = await self._rows.aggregate([*wanted.stages(recipient_id), {"$count": "rows"}])
        return counted[0]["rows"] if counted else 0

    async def unread_count(self, recipient_id: UUID) -> int:
        """Return how many rows are unread."""
        return await self._rows.count(_unread(recipient_id))

    async def snapshots(self, wanted: Sequence[Counted]) -> list[Snapshot]:
        """Count the rows of each wanted, and say which recent ones were seen."""
        return [await self._snapshot(*each) for each in wanted]

    async def _snapshot(self, recipient_id: UUID, mark: Mark, recent_since: datetime) -> Snapshot:
        """Count by two closed queries: an `$or` of them would scan the collection."""
        recent = await self._rows.find(
            {"recipient_id": recipient_id, "created_at": {"$gte": recent_since}}, {mark: 1}
        )
        older = await self._rows.count(
            {"recipient_id": recipient_id, mark: True, "created_at": {"$lt": recent_since}}
        )
        return Snapshot(
            older + sum(mark in row for row in recent), frozenset(row["_id"] for row in recent)
        )

    async def mark_read(self, recipient_id: UUID, ids: Collection[UUID], *, at: datetime) -> int:
        """Mark those of `ids` read that are the recipient's; return how many were unread."""
        return await self._read_marks.mark(recipient_id, ids, at=at)

    async def mark_all_read(self, recipient_id: UUID, *, at: datetime) -> int:
        """Mark all rows read that are unread now; return how many those were.

        In portions: on the embedded store, 2,000 rows in one update took 2 to 8 s.
        """
        unread = await self._rows.find(_unread(recipient_id), {"_id": 1})
        return await self.mark_read(recipient_id, [row["_id"] for row in unread], at=at)

    async def click(
        self, recipient_id: UUID, notification_id: UUID, *, action: str | None, at: datetime
    ) -> int:
        """Keep that a row was clicked, and mark it read; return how many were unread, 0 or 1.

        The first click and its action stay. Raises NotInInbox.
        """
        if not await self._rows.update_one(
            {"_id": notification_id, "recipient_id": recipient_id, "inbox": True},
            [{"$set": _first_click(action, at)}],
        ):
            raise NotInInbox(notification_id)
        return await self.mark_read(recipient_id, [notification_id], at=at)

    async def click_elsewhere(
        self, recipient_id: UUID, notification_id: UUID, *, action: str | None, at: datetime
    ) -> bool:
        """Keep the first click of a row that the inbox need not show; tell whether there is one.

        It is read by that, without any change to the inbox.
        """
        read = {"is_read": True, "read_at": {"$ifNull": ["$read_at", at]}}
        return await self._rows.update_one(
            {"_id": notification_id, "recipient_id": recipient_id, "unread": {"$exists": False}},
            [{"$set": _first_click(action, at) | read}],
        )

    async def delete(self, recipient_id: UUID, notification_id: UUID, *, at: datetime) -> bool:
        """Take a row out of the inbox; tell whether it was in it."""
        return await self._rows.update_one(
            {"_id": notification_id, "recipient_id": recipient_id, "inbox": True},
            {
                "$set": {"is_deleted": True, "deleted_at": at, "changed_at": at},
                "$unset": {"inbox": "", "unread": ""},
            },
        )

    async def find(self, recipient_id: UUID, notification_id: UUID) -> NotificationRow | None:
        """Return the recipient's row, deleted or not."""
        found = await self._rows.find_one({"_id": notification_id, "recipient_id": recipient_id})
        return None if found is None else self._row(found)

    async def after(
        self, recipient_id: UUID, *, since: datetime | None, until: datetime, limit: int
    ) -> list[NotificationRow]:
        """Return the first `limit` inbox rows from `since` to before `until`, oldest first."""
        found = await self._rows.find(
            {
                "recipient_id": recipient_id,
                "inbox": True,
                "created_at": {"$gte": since or EPOCH, "$lt": until},
            },
            sort=OLDEST_FIRST,
            limit=limit,
        )
        return self._in_clear(found)

    async def changed(
        self, recipient_id: UUID, *, since: datetime, before: datetime, limit: int
    ) -> list[Change]:
        """Return the newest `limit` changes since `since` to rows positioned before `before`."""
        found = await self._rows.aggregate(
            [
                # Apart, because of two ranges in one the embedded store uses neither.
                {"$match": {"recipient_id": recipient_id, "changed_at": {"$gte": since}}},
                {"$match": {"created_at": {"$lt": before}}},
                {"$sort": {"changed_at": -1}},
                {"$limit": limit},
                {"$project": {"is_read": 1, "is_deleted": 1}},
            ]
        )
        return [Change(row["_id"], row["is_read"], row["is_deleted"]) for row in found]

    async def count_by_business(
        self, recipient_id: UUID, business_ids: Collection[UUID]
    ) -> dict[UUID, int]:
        """Return how many inbox rows are from each of `business_ids`; none is absent."""
        found = await self._rows.aggregate(
            [
                {
                    "$match": {
                        "recipient_id": recipient_id,
                        "inbox": True,
                        "business_id": {"$in": list(business_ids)},
                    }
                },
                {"$group": {"_id": "$business_id", "rows": {"$sum": 1}}},
            ]
        )
        return {row["_id"]: row["rows"] for row in found}

    def _in_clear(self, found: Sequence[Document]) -> list[NotificationRow]:
        return [self._row(row) for row in found]

    def _row(self, document: Document) -> NotificationRow:
        return NotificationRow.from_document(opened(document, self._cipher))


def _unread(recipient_id: UUID) -> dict[str, Any]:
    # A range at the end, or the embedded store would take an index of all rows.
    return {"unread": True, "recipient_id": recipient_id, "created_at": {"$gte": EPOCH}}


def _first_click(action: str | None, at: datetime) -> dict[str, Any]:
    """Return what a `$set` stage sets when something is clicked: once set, it stays."""
    is_first = {"$eq": [{"$type": "$clicked_at"}, "missing"]}
    # A literal, because an action may begin with "$".
    first = {"clicked_at": at, "clicked_action": {"$literal": action}}
    return {name: {"$cond": [is_first, value, f"${name}"]} for name, value in first.items()}
