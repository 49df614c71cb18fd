"""Deliveries as operators look them up and try them again: by status, channel and recipient.

They are found by how they are filed (storage/filing.py), and those of a user by the recipient. The
other queries go to all shards.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pymongo import UpdateOne

from rules.deliveries import ENDED, SENDING_CHANNELS, DeliveryStatus
from storage.collection import StoreCollection
from storage.filing import HEADING_OF_WAITING, WAITING, Heading
from storage.notification_rows import NotificationRow
from storage.positions import EPOCH
from storage.sealing import opened

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.deliveries import Ref
    from storage.encryption import FieldCipher

NOT_SENDING = frozenset({DeliveryStatus.QUEUED, DeliveryStatus.DEFERRED})


class DeliveryNotFound(LookupError):
    """There is no such delivery."""

    def __init__(self, notification_id: UUID, channel: str) -> None:
        super().__init__(f"no delivery {notification_id}:{channel}")
        self.notification_id = notification_id
        self.channel = channel


class DeliveryNotRetried(Exception):
    """It is on its way, has arrived, or was not to be sent."""

    def __init__(self, record: DeliveryRecord) -> None:
        super().__init__(f"delivery {record.id} is {record.status}")
        self.record = record


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """Which deliveries are asked for: none of the fields, all of them."""

    channel: str | None = None
    user_id: UUID | None = None
    statuses: Collection[str] = field(
        default_factory=lambda: tuple(status.value for status in DeliveryStatus)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """One channel of one notification, and how it stands."""

    notification_id: UUID
    recipient_id: UUID
    kind: str
    channel: str
    state: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Return the name that operators know it by."""
        return f"{self.notification_id}:{self.channel}"

    @property
    def ref(self) -> Ref:
        """Return the name that it has in the store."""
        return self.recipient_id, self.notification_id

    @property
    def status(self) -> DeliveryStatus:
        """Return how it stands."""
        return DeliveryStatus(self.state["status"])


@dataclass(frozen=True, slots=True)
class DeliveriesPage:
    """How many match in all, and those of the page, newest first."""

    count: int
    records: list[DeliveryRecord]


class DeliveryRecords:
    """The field `channels` of the collection `notifications`, for operators."""

    def __init__(self, database: AsyncIOMotorDatabase[Document], cipher: FieldCipher) -> None:
        self._cipher = cipher
        self._rows = StoreCollection(database["notifications"])
        self._lagging = self._rows.lagging()

    async def page(self, wanted: DeliveryFilter, *, page: int, page_size: int) -> DeliveriesPage:
        """Return page `page` (from 1) of what matches, by the age of the notifications."""
        skip = (page - 1) * page_size
        records = await _newest(self._lagging, wanted, limit=page_size, skip=skip)
        if len(records) < page_size and (records or skip == 0):
            return DeliveriesPage(skip + len(records), records)
        return DeliveriesPage(await self.count(wanted), records)

    async def count(self, wanted: DeliveryFilter) -> int:
        """Return how many match."""
        counts = [await self._lagging.count(source.matching) for source in _sources(wanted)]
        return sum(counts)

    async def waiting(self, channel: str) -> dict[str, int]:
        """Return how many of `channel` stand at each status from which something follows."""
        state = f"channels.{channel}"
        counted: Counter[str] = Counter()
        for heading in Heading:
            for row in await self._lagging.aggregate(
                [
                    {"$match": {f"{state}.filed.under": heading}},
                    {"$group": {"_id": f"${state}.status", "rows": {"$sum": 1}}},
                ]
            ):
                counted[row["_id"]] += row["rows"]
        return counted

    async def get(self, notification_id: UUID, channel: str) -> DeliveryRecord:
        """Return a delivery of whoever it is; raise DeliveryNotFound."""
        found = await self._rows.find_one(
            {"_id": notification_id}, {"recipient_id": 1, "kind": 1, f"channels.{channel}": 1}
        )
        if found is None or channel not in found["channels"]:
            raise DeliveryNotFound(notification_id, channel)
        return DeliveryRecord(
            notification_id=notification_id,
            recipient_id=found["recipient_id"],
            kind=found["kind"],
            channel=channel,
            state=found["channels"][channel],
        )

    async def find_row(self, notification_id: UUID) -> NotificationRow | None:
        """Return a notification of whoever it is."""
        found = await self._rows.find_one({"_id": notification_id})
        return None if found is None else NotificationRow.from_document(opened(found, self._cipher))

    async def retry(self, records: Sequence[DeliveryRecord], *, at: datetime) -> int:
        """Have `records` sent at `at`, with all their attempts before them again.

        Returns how many: what does not stand any more as it did then stays as it is.
        """
        return await self._rows.bulk_update(_retried(record, at) for record in records)

    async def newest(self, wanted: DeliveryFilter, *, limit: int) -> list[DeliveryRecord]:
        """Return the newest `limit` of what matches, as they stand now."""
        return await _newest(self._rows, wanted, limit=limit)


async def _newest(
    rows: StoreCollection, wanted: DeliveryFilter, *, limit: int, skip: int = 0
) -> list[DeliveryRecord]:
    """Return the newest `limit` of what matches, after leaving out `skip`."""
    # Put together here: in a `$unionWith` the embedded store uses no index.
    found: list[Document] = []
    for source in _sources(wanted):
        found += await rows.aggregate(_ordered(source, skip + limit))
    found.sort(key=lambda row: row["channel"])
    found.sort(key=lambda row: (row["created_at"], row["_id"]), reverse=True)
    found = found[skip : skip + limit]
    return [
        DeliveryRecord(
            notification_id=row["_id"],
            recipient_id=row["recipient_id"],
            kind=row["kind"],
            channel=row["channel"],
            state=row["state"],
        )
        for row in found
    ]


@dataclass(frozen=True, slots=True)
class _Source:
    """A query that finds deliveries of a channel, and what they are in the order of."""

    channel: str
    matching: Mapping[str, Any]
    position: str = "created_at"


def _sources(wanted: DeliveryFilter) -> Iterator[_Source]:
    """Yield the queries that find what is wanted; no two find the same."""
    channels = SENDING_CHANNELS if wanted.channel is None else (wanted.channel,)
    ended = [status for status in wanted.statuses if status in ENDED]
    waiting = [status for status in wanted.statuses if status in NOT_SENDING]
    for channel in channels:
        state = f"channels.{channel}"
        if wanted.user_id is not None:
            of_user = {"recipient_id": wanted.user_id, "created_at": {"$gte": EPOCH}}
            yield _Source(channel, of_user | {f"{state}.status": _one_of(list(wanted.statuses))})
            continue
        # One by one: of several at once the embedded store uses no index.
        for status in ended:
            yield _Source(channel, {f"{state}.filed.under": status}, f"{state}.filed.at")
        if DeliveryStatus.SENDING in wanted.statuses:
            yield _Source(channel, {f"{state}.filed.under": Heading.CLAIMED})
        for heading in WAITING if waiting else ():
            under = {f"{state}.filed.under": heading}
            yield _Source(channel, under | {f"{state}.status": _one_of(waiting)})


def _one_of(values: Sequence[str]) -> Any:
    return values[0] if len(values) == 1 else {"$in": values}


def _ordered(source: _Source, limit: int) -> list[dict[str, Any]]:
    """Return the stages that give the newest of one source."""
    return [
        {"$match": source.matching},
        {"$sort": {source.position: -1, "_id": -1}},
        {"$limit": limit},
        {
            "$project": {
                "recipient_id": 1,
                "kind": 1,
                "created_at": 1,
                "channel": {"$literal": source.channel},
                "state": f"$channels.{source.channel}",
            }
        },
    ]


def _retried(record: DeliveryRecord, at: datetime) -> UpdateOne:
    state = f"channels.{record.channel}"
    attempts = {"$size": {"$ifNull": [f"${state}.attempts", []]}}
    gone = ("reason", "attention", "devices")
    return UpdateOne(
        {
            "_id": record.notification_id,
            "recipient_id": record.recipient_id,
            f"{state}.status": record.status,
        },
        [
            {
                "$set": {
                    f"{state}.status": DeliveryStatus.QUEUED,
                    f"{state}.due_at": at,
                    f"{state}.filed": {"under": HEADING_OF_WAITING, "at": at},
                    f"{state}.forgiven": attempts,
                    **{f"{state}.{name}": "$$REMOVE" for name in gone},
                }
            }
        ],
    )
