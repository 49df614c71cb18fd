"""Every index of every collection."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pymongo
from pymongo import ASCENDING, IndexModel

from storage.client import ping, store_call
from storage.index import Index
from storage.notification_indexes import NOTIFICATION_INDEXES
from storage.people_indexes import PEOPLE_INDEXES

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

BUILD_DEADLINE_S = 600.0
"""An index over what a large collection holds already."""


INDEXES = (
    *PEOPLE_INDEXES,
    *NOTIFICATION_INDEXES,
    Index(
        name="day",
        collection="business_stats",
        keys=("day",),
        options={"expireAfterSeconds": 40 * 24 * 3_600},
        serves="DailyStats.keep: what was counted before; the store's own removal of what "
        "insights do not show any more",
    ),
    Index(
        name="pending",
        collection="events",
        keys=("pending_owner", "lane", "retry_at"),
        options={"partialFilterExpression": {"pending_owner": {"$gte": ""}}},
        serves="EventsRepository.claim_unowned, claim_from, held, pending_count",
    ),
    Index(
        name="purge",
        collection="events",
        keys=("purge_at",),
        options={"expireAfterSeconds": 0},
        serves="the store's own removal of events after 180 days",
    ),
    *(
        Index(
            name="purge",
            collection=collection,
            keys=("purge_at",),
            options={"expireAfterSeconds": 0},
            serves="the store's own removal, 180 days after the last that was told of it",
        )
        for collection in ("statuses", "listings", "interests", "pickups")
    ),
    *(
        Index(
            name="user",
            collection=collection,
            keys=("user_id",),
            serves="exported: all that is kept of a user",
        )
        for collection in ("interests", "pickups")
    ),
    Index(
        name="on_offer",
        collection="listings",
        keys=("business_id", "expiry_date"),
        serves="ListingsRepository.on_offer: what a business offers now",
    ),
    Index(
        name="listing_slot",
        collection="interests",
        keys=("listing_id", "slot"),
        serves="InterestsRepository.count and range: who is interested, a share at a time",
    ),
    Index(
        name="stopped",
        collection="processes",
        keys=("stopped_at",),
        options={"expireAfterSeconds": 30 * 24 * 3_600},
        serves="ProcessesRepository.list; the store's own removal of rows a month after the end",
    ),
    *(
        Index(
            name="_".join((*by, "at")),
            collection="audit_log",
            keys=(*by, "at", "_id"),
            serves="AuditLog.page, filtered or not; exported by actor",
        )
        for by in ((), ("actor",), ("action",), ("actor", "action"))
    ),
    Index(
        name="overdue",
        collection="images",
        keys=("purge_at",),
        serves="ImagesRepository.overdue: whose time is over",
    ),
    Index(
        name="owner",
        collection="images",
        keys=("owner",),
        serves="ImagesRepository.exported: what somebody uploaded",
    ),
    Index(
        name="name_locale",
        collection="templates",
        keys=("name", "locale"),
        serves="TemplatesRepository.versions and current",
    ),
    Index(
        name="expired",
        collection="idempotency_keys",
        keys=("purge_at",),
        options={"expireAfterSeconds": 0},
        serves="the store's own removal of keys after 24 hours",
    ),
    Index(
        name="due",
        collection="schedules",
        keys=("due_key",),
        options={"sparse": True},
        serves="SchedulesRepository.due: whose time has come, a share at a time",
    ),
    Index(
        name="sender",
        collection="schedules",
        keys=("sender", "created_at", "_id"),
        serves="ScheduledSends.page and exported of one sender",
    ),
    Index(
        name="recipient",
        collection="schedules",
        keys=("recipient_id",),
        serves="ScheduledSends.exported: what is to be sent to somebody",
    ),
    Index(
        name="created",
        collection="schedules",
        keys=("created_at", "_id"),
        serves="ScheduledSends.page of all senders",
    ),
    Index(
        name="past",
        collection="schedules",
        keys=("purge_at",),
        options={"expireAfterSeconds": 0},
        serves="the store's own removal of schedules a month after their time",
    ),
    Index(
        name="created",
        collection="campaigns",
        keys=("created_at", "_id"),
        serves="CampaignsRepository.page: all campaigns, the newest first",
    ),
)


async def ensure_indexes(database: AsyncIOMotorDatabase[Document]) -> None:
    """Create the indexes that are missing; to be awaited before anything is written.

    On the embedded store, to make an index of a collection that another client is just writing the
    first row of holds up everything for ever (docs/decisions.md).
    """
    models: dict[str, list[IndexModel]] = defaultdict(list)
    for index in INDEXES:
        keys = [(key, ASCENDING) for key in index.keys]
        models[index.collection].append(IndexModel(keys, name=index.name, **index.options))
    await ping(database)
    # The client's own limit on an operation is for queries.
    with pymongo.timeout(BUILD_DEADLINE_S):
        async with store_call(BUILD_DEADLINE_S):
            for collection, wanted in models.items():
                await database[collection].create_indexes(wanted)
