"""The row of a notification, and its form in the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from storage.filing import filed, heading_of_waiting, unfiled

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime
    from uuid import UUID

    from storage.client import Document


@dataclass(slots=True, kw_only=True)
class NotificationRow:
    """One notification for one recipient, not to be changed.

    Fan-outs make thousands: nothing here is computed, and it is not frozen, which would make each
    three times as dear.
    """

    id: UUID
    recipient_id: UUID
    event_id: UUID
    """The key of the event that caused it."""

    kind: str
    writer: str
    """The incarnation of the process that inserted it; see `floor`."""

    created_at: datetime
    floor: datetime
    """Rows of the same writer before it had been announced when this one was positioned."""

    in_app: bool
    title: str
    message: str
    data: dict[str, Any] = field(default_factory=dict)
    action_buttons: list[dict[str, Any]] = field(default_factory=list)
    image_url: str | None = None
    priority: str = "normal"
    business_id: UUID | None = None
    sender_id: UUID | None = None
    sender_type: str | None = None
    """What a sender is who may be no user, as services are."""

    template: str | None = None
    """What its mail is to be made by, where that is not left to its kind."""

    campaign_id: UUID | None = None

    channels: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """`{channel: {"status", "reason"?, "due_at"?, "attempts"?}}`."""

    is_read: bool = False
    read_at: datetime | None = None
    is_deleted: bool = False
    deleted_at: datetime | None = None
    clicked_at: datetime | None = None
    """Of the first click, as its action is."""

    clicked_action: str | None = None
    is_blanked: bool = False
    """Whether what was personal is gone (storage/aged_notifications.py)."""

    like: NotificationRow | None = field(init=False, default=None, repr=False, compare=False)
    """A row from which it differs in its two ids alone, where whoever made it knows one."""

    def to_document(self) -> Document:
        """Return the row as it is stored."""
        document: Document = {
            "_id": self.id,
            "recipient_id": self.recipient_id,
            "event_id": self.event_id,
            "kind": self.kind,
            "writer": self.writer,
            "created_at": self.created_at,
            "floor": self.floor,
            "in_app": self.in_app,
            "is_read": self.is_read,
            "read_at": self.read_at,
            "is_deleted": self.is_deleted,
            "deleted_at": self.deleted_at,
            "title": self.title,
            "message": self.message,
            "data": self.data,
            "action_buttons": self.action_buttons,
            "image_url": self.image_url,
            "priority": self.priority,
            "business_id": self.business_id,
            "sender_id": self.sender_id,
            "channels": filed(
                self.channels,
                heading_of_waiting(priority=self.priority, campaign_id=self.campaign_id),
                self.created_at,
            ),
        }
        if self.in_app and not self.is_deleted:
            document["inbox"] = True
            if not self.is_read:
                document["unread"] = True
        if self.sender_type is not None:
            document["sender_type"] = self.sender_type
        if self.template is not None:
            document["template"] = self.template
        if self.campaign_id is not None:
            document["campaign_id"] = self.campaign_id
        if self.clicked_at is not None:
            document |= {"clicked_at": self.clicked_at, "clicked_action": self.clicked_action}
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> NotificationRow:
        """Return the row that `document` stores."""
        return cls(
            id=document["_id"],
            recipient_id=document["recipient_id"],
            event_id=document["event_id"],
            kind=document["kind"],
            writer=document["writer"],
            created_at=document["created_at"],
            floor=document["floor"],
            in_app=document["in_app"],
            is_read=document["is_read"],
            read_at=document["read_at"],
            is_deleted=document["is_deleted"],
            deleted_at=document["deleted_at"],
            title=document["title"],
            message=document["message"],
            data=document["data"],
            action_buttons=document["action_buttons"],
            image_url=document["image_url"],
            priority=document["priority"],
            business_id=document["business_id"],
            sender_id=document["sender_id"],
            sender_type=document.get("sender_type"),
            template=document.get("template"),
            campaign_id=document.get("campaign_id"),
            channels=unfiled(document["channels"]),
            clicked_at=document.get("clicked_at"),
            clicked_action=document.get("clicked_action"),
            is_blanked=document.get("is_blanked", False),
        )


def named(refs: Collection[tuple[UUID, UUID]]) -> dict[str, Any]:
    """Return the filter for the rows that `refs` names by (recipient, id)."""
    return {
        "_id": {"$in": [notification_id for _, notification_id in refs]},
        "recipient_id": {"$in": list({recipient_id for recipient_id, _ in refs})},
    }
