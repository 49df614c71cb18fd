"""Every index, with the query that it serves, and the shard keys of a sharded cluster."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pymongo
from bson import Binary
from pymongo import ASCENDING, IndexModel

from storage.client import ping, store_call
from storage.positions import EPOCH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

LOWEST_ID = Binary.from_uuid(UUID(int=0))

BUILD_DEADLINE_S = 600.0
"""An index over what a large collection holds already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """One index. Unique ones begin with the shard key, or no sharded cluster would take them."""

    name: str
    collection: str
    keys: tuple[str, ...]
    serves: str
    options: Mapping[str, Any] = field(default_factory=dict)


INDEXES = (
    *(
        Index(
            name="_".join((*(key.rpartition(".")[2] for key in by), "slot")),
            collection="users",
            keys=(*by, "slot"),
            serves="SegmentsRepository.range and candidates: a share of the users of a segment",
        )
        for by in ((), ("user_type",), ("in_force.timezone",))
    ),
    Index(
        name="settling_at",
        collection="users",
        keys=("settling.at",),
        options={"sparse": True},
        serves="FollowChanges.unsettled: changes whose process is gone",
    ),
    Index(
        name="settling_business",
        collection="users",
        keys=("settling.business_id",),
        options={"sparse": True},
        serves="FollowChanges.settling_tokens: whether a business's count may be corrected",
    ),
    Index(
        name="opted_out",
        collection="users",
        keys=("opt_outs.at",),
        options={"sparse": True},
        serves="OptOuts.gather and count: opt-outs that are not rows yet",
    ),
    Index(
        name="at",
        collection="opt_outs",
        keys=("at",),
        serves="OptOuts.count: those of a day",
    ),
    Index(
        name="purge",
        collection="opt_outs",
        keys=("purge_at",),
        options={"expireAfterSeconds": 0},
        serves="the store's own removal, long after they were counted",
    ),
    Index(
        name="day",
        collection="business_stats",
        keys=("day",),
        options={"expireAfterSeconds": 40 * 24 * 3_600},
        serves="DailyStats.keep: what was counted before; the store's own removal of what "
        "insights do not show any more",
    ),
    Index(
        name="unreachable_sms",
        collection="users",
        keys=("unreachable.sms.suppression",),
        options={"sparse": True},
        serves="Reachability.regain: whose number it is that is allowed again",
    ),
    Index(
        name="business_user",
        collection="follows",
        keys=("business_id", "user_id"),
        options={"unique": True},
        serves="FollowsRepository.find; the shard key",
    ),
    Index(
        name="business_active_slot",
        collection="follows",
        keys=("business_id", "is_active", "slot"),
        serves="FollowsRepository.range: the followers of a business, a share at a time",
    ),
    *(
        Index(
            name="_".join(("business_active", *also, "followed")),
            collection="follows",
            keys=("business_id", "is_active", *also, "followed_at"),
            serves="FollowsRepository.followed, followed_count and count: followers by time",
        )
        for also in ((), ("user_type",))
    ),
    Index(
        name="owner",
        collection="businesses",
        keys=("owner_id",),
        options={"sparse": True},
        serves="BusinessesRepository.find_owned and exported: the businesses of a provider",
    ),
    Index(
        name="follower",
        collection="follows",
        keys=("user_id",),
        serves="FollowsRepository.exported: all follows of one user, those that have ended too",
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
        name="age",
        collection="notifications",
        keys=("created_at", "business_id"),
        serves="AgedNotifications: everybody's rows of a time, to be blanked and removed; "
        "FatesRepository: those of all, or of one business, to be counted",
    ),
    Index(
        name="listing_slot",
        collection="interests",
        keys=("listing_id", "slot"),
        serves="InterestsRepository.count and range: who is interested, a share at a time",
    ),
    Index(
        name="position",
        collection="notifications",
        keys=("recipient_id", "created_at"),
        serves="NotificationsRepository.unread_snapshot, NotificationHistory.of, "
        "ChargesRepository.on: rows in any state",
    ),
    Index(
        name="inbox",
        collection="notifications",
        keys=("recipient_id", "inbox", "created_at", "_id"),
        options={"partialFilterExpression": {"inbox": True}},
        serves="NotificationsRepository.page and after: the inbox, by position",
    ),
    Index(
        name="unread",
        collection="notifications",
        keys=("recipient_id", "unread", "created_at", "_id"),
        options={"partialFilterExpression": {"unread": True}},
        serves="NotificationsRepository.unread_count, unread_snapshot, mark_all_read, unread pages",
    ),
    Index(
        name="inbox_business",
        collection="notifications",
        keys=("recipient_id", "inbox", "business_id"),
        options={"partialFilterExpression": {"inbox": True}},
        serves="NotificationsRepository.count_by_business",
    ),
    Index(
        name="business_recipient",
        collection="notifications",
        keys=("business_id", "recipient_id"),
        serves="EngagementRepository.of; only the last key of an index serves many values",
    ),
    Index(
        name="changed",
        collection="notifications",
        keys=("recipient_id", "changed_at"),
        options={"partialFilterExpression": {"changed_at": {"$gte": EPOCH}}},
        serves="NotificationsRepository.changed: what was read or deleted elsewhere",
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
        name="campaign_mails",
        collection="notifications",
        keys=("campaign_id", "channels.email.outcome"),
        options={"partialFilterExpression": {"campaign_id": {"$gte": LOWEST_ID}}},
        serves="CampaignMails: what became of the mails of one campaign",
    ),
    Index(
        name="created",
        collection="campaigns",
        keys=("created_at", "_id"),
        serves="CampaignsRepository.page: all campaigns, the newest first",
    ),
    *(
        Index(
            name=f"outcome_{channel}",
            collection="notifications",
            keys=(f"channels.{channel}.outcome", "created_at"),
            options={"partialFilterExpression": {f"channels.{channel}.outcome": {"$gte": ""}}},
            serves=f"DeliveryRecords.page and count: how deliveries by {channel} have ended",
        )
        for channel in ("email", "push", "sms")
    ),
    Index(
        name="message_sms",
        collection="notifications",
        keys=("channels.sms.provider_message_id",),
        options={"sparse": True},
        serves="DeliveryFeedback: which SMS Twilio tells of, where it names no notification",
    ),
    *(
        Index(
            name=f"due_{channel}",
            collection="notifications",
            keys=(f"channels.{channel}.due_at",),
            options={"sparse": True},
            serves=f"UnsentRepository.due: rows whose {channel} has yet to be sent",
        )
        for channel in ("email", "push", "sms")
    ),
    *(
        Index(
            name=f"due_critical_{channel}",
            collection="notifications",
            keys=("priority", f"channels.{channel}.due_at"),
            options={
                "partialFilterExpression": {
                    "priority": "critical",
                    f"channels.{channel}.due_at": {"$gte": EPOCH},
                }
            },
            serves=f"UnsentRepository.due_critical: those of them that are critical ({channel})",
        )
        for channel in ("email", "push", "sms")
    ),
    *(
        Index(
            name=f"due_usual_{channel}",
            collection="notifications",
            keys=("campaign_id", f"channels.{channel}.due_at"),
            options={"partialFilterExpression": {f"channels.{channel}.due_at": {"$gte": EPOCH}}},
            serves=f"UnsentRepository.due_usual: those of them of no campaign ({channel})",
        )
        for channel in ("email", "push", "sms")
    ),
    *(
        Index(
            name=f"claimed_{channel}",
            collection="notifications",
            keys=(f"channels.{channel}.claimed_at",),
            options={"sparse": True},
            serves=f"UnsentRepository.claimed: rows whose {channel} a worker has",
        )
        for channel in ("email", "push", "sms")
    ),
)

SHARD_KEYS: Mapping[str, Mapping[str, int | str]] = {
    "users": {"_id": "hashed"},
    "device_tokens": {"_id": "hashed"},
    "businesses": {"_id": "hashed"},
    "events": {"_id": "hashed"},
    "idempotency_keys": {"_id": "hashed"},
    "schedules": {"_id": "hashed"},
    "statuses": {"_id": "hashed"},
    "images": {"_id": "hashed"},
    "listings": {"_id": "hashed"},
    "interests": {"_id": "hashed"},
    "pickups": {"_id": "hashed"},
    "follows": {"business_id": 1, "user_id": 1},
    "notifications": {"recipient_id": 1},
    "suppressions": {"_id": "hashed"},
    "opt_outs": {"_id": "hashed"},
    "business_stats": {"_id": "hashed"},
    "campaigns": {"_id": "hashed"},
}
"""Collections that are not here stay unsharded: `processes`, `jobs`, `templates`, `retention`,
`daily_stats` are small."""


async def ensure_indexes(database: AsyncIOMotorDatabase[Document]) -> None:
    """Create the indexes that are missing."""
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
