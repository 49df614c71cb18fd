"""The indexes of notifications: of inboxes, of what is to be sent, and of what became of it."""

from __future__ import annotations

from uuid import UUID

from bson import Binary

from storage.index import Index
from storage.positions import EPOCH

LOWEST_ID = Binary.from_uuid(UUID(int=0))

NOTIFICATION_INDEXES = (
    Index(
        name="age",
        collection="notifications",
        keys=("created_at", "business_id"),
        serves="AgedNotifications: everybody's rows of a time, to be blanked and removed; "
        "FatesRepository: those of all, or of one business, to be counted",
    ),
    Index(
        name="position",
        collection="notifications",
        keys=("recipient_id", "created_at"),
        serves="NotificationsRepository.snapshots, NotificationHistory.of, "
        "ChargesRepository.on: rows in any state",
    ),
    Index(
        name="inbox",
        collection="notifications",
        keys=("recipient_id", "inbox", "created_at", "_id"),
        options={"partialFilterExpression": {"inbox": True}},
        serves="NotificationsRepository.page, count, snapshots, after: the inbox, by position",
    ),
    Index(
        name="unread",
        collection="notifications",
        keys=("unread", "recipient_id", "created_at", "_id"),
        options={"partialFilterExpression": {"unread": True}},
        # Recipients second, because of the keys that a query names the embedded store finds several
        # values of the last alone.
        serves="NotificationsRepository.unread_count, snapshots, mark_all_read, unread pages; "
        "UnreadCounts.of, DeliveriesRepository.unread_counts: of many recipients at once",
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
        name="campaign_mails",
        collection="notifications",
        keys=("campaign_id", "channels.email.status"),
        options={"partialFilterExpression": {"campaign_id": {"$gte": LOWEST_ID}}},
        serves="CampaignMails: what became of the mails of one campaign",
    ),
    *(
        Index(
            name=f"filed_{channel}",
            collection="notifications",
            keys=(f"channels.{channel}.filed.under", f"channels.{channel}.filed.at"),
            options={"sparse": True},
            serves=f"UnsentRepository: what workers have yet to send by {channel}, and what they "
            "have; DeliveryRecords.page and count: those, and how others have ended",
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
)
