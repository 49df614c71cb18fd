"""Write what goes over a socket as JSON (contract section 4).

The shared part of a fan-out's frame is serialised once for all its recipients; for each one only
the id and the unread count are spliced in.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import orjson

from storage.names import Names
from storage.notifications import NotificationRow

Ref = str | int | None
"""What a client put in `ref`, repeated beside `type` in the reply."""

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


def to_json(value: object) -> bytes:
    """Serialise `value`; times are RFC 3339 UTC with `Z`, ids strings."""
    return orjson.dumps(value, option=_OPTIONS)


class Announcement:
    """A `notification.new` frame but for what differs between its recipients.

    `stored_after_s` is a moment, by this process's monotonic clock, at which none of the rows that
    are announced was in the store yet; None where none is known.
    """

    __slots__ = ("head", "stored_after_s")

    def __init__(
        self, row: NotificationRow, names: Names, *, stored_after_s: float | None = None
    ) -> None:
        shared = notification_content(row, names)
        self.head = b'{"type":"notification.new","data":' + to_json(shared)[:-1]
        self.stored_after_s = stored_after_s

    @classmethod
    def encoded(cls, head: bytes) -> Announcement:
        """Return the announcement that another process has encoded."""
        announcement = cls.__new__(cls)
        announcement.head = head
        announcement.stored_after_s = None
        return announcement

    def frame(self, notification_id: UUID, unread_count: int) -> bytes:
        """Return the frame for the recipient of `notification_id`."""
        return b'%b,"notification_id":"%b","unread_count":%d}}' % (
            self.head,
            str(notification_id).encode(),
            unread_count,
        )


RowsAnnounced: TypeAlias = tuple[Announcement, Sequence[NotificationRow]]
"""An announcement, and the rows, all of one content and position, that it announces."""


def notification_content(row: NotificationRow, names: Names) -> dict[str, Any]:
    """Return what every recipient of the same event is shown of `row`."""
    business = names.businesses.get(row.business_id) if row.business_id else None
    return {
        "notification_type": row.kind,
        "title": row.title,
        "message": row.message,
        "sender": _sender(row, names),
        "business": business and {"id": business.id, "name": business.name, "logo": business.logo},
        "data": row.data,
        "action_buttons": row.action_buttons,
        "image_url": row.image_url,
        "priority": row.priority,
        "created_at": timestamp(row.created_at),
    }


def _sender(row: NotificationRow, names: Names) -> dict[str, Any] | None:
    """Return `{"name", "logo"}`: a business speaks under its own name, not its owner's."""
    if row.sender_id is None:
        return None
    business = names.businesses.get(row.business_id) if row.business_id else None
    if business is not None and business.owner_id == row.sender_id:
        return {"name": business.name, "logo": business.logo}
    user = names.users.get(row.sender_id)
    return {"name": user.name if user else None, "logo": None}


def authentication_success(user_id: UUID, unread_count: int, ref: Ref = None) -> bytes:
    """Return the first frame that a connection gets."""
    return _flat("authentication_success", ref, user_id=user_id, unread_count=unread_count)


def authentication_failed(error: dict[str, Any], ref: Ref = None) -> bytes:
    """Return the only frame that a refused connection gets; `error` as in contract 2.8."""
    return _flat("authentication_failed", ref, error=error)


def pong(ref: Ref) -> bytes:
    """Return the answer to `ping`."""
    return _flat("pong", ref)


def client_error(error: dict[str, Any], ref: Ref) -> bytes:
    """Return the answer to a bad message; `error` stands under `data` and, as in 2.8, `error`."""
    return _flat("error", ref, data=error, error=error)


def notification_read(notification_id: UUID, unread_count: int, ref: Ref = None) -> bytes:
    """Return the frame that says one notification was read."""
    return _event(
        "notification.read", ref, notification_id=notification_id, unread_count=unread_count
    )


def bulk_read(marked_count: int, unread_count: int, ref: Ref = None) -> bytes:
    """Return the frame that says several notifications were read."""
    return _event(
        "notifications.bulk_read", ref, marked_count=marked_count, unread_count=unread_count
    )


def notification_deleted(notification_id: UUID, unread_count: int, ref: Ref = None) -> bytes:
    """Return the frame that says a notification is gone."""
    return _event(
        "notification.deleted", ref, notification_id=notification_id, unread_count=unread_count
    )


def new_follower(user_id: UUID, name: str | None, user_type: str, total_followers: int) -> bytes:
    """Return the frame that tells an owner who follows their business now."""
    follower = {"id": user_id, "name": name, "user_type": user_type}
    return _event("business.new_follower", None, follower=follower, total_followers=total_followers)


def interaction_status_changed(
    interaction_id: str, old_status: str, new_status: str, customer: str | None
) -> bytes:
    """Return the frame that tells an owner how an order stands; `customer` is a name."""
    return _event(
        "interaction.status_changed",
        None,
        interaction_id=interaction_id,
        old_status=old_status,
        new_status=new_status,
        customer={"name": customer},
    )


def synced(
    *,
    notifications: list[dict[str, Any]],
    changed: list[dict[str, Any]],
    has_more: bool,
    unread_count: int,
    ref: Ref,
) -> bytes:
    """Return the answer to `sync`."""
    return _event(
        "notifications.sync",
        ref,
        notifications=notifications,
        changed=changed,
        has_more=has_more,
        unread_count=unread_count,
    )


def synced_notification(row: NotificationRow, names: Names) -> dict[str, Any]:
    """Return one of the `notifications` of a `sync`: what `notification.new` said, and its state.

    The id stands under both of its names, the frame's and the inbox's, so that a client can merge
    either into its list.
    """
    return {
        "id": row.id,
        "notification_id": row.id,
        **notification_content(row, names),
        "is_read": row.is_read,
    }


def timestamp(moment: datetime) -> str:
    """Return `moment` as the API writes times: to the millisecond, so that they sort as text."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _event(kind: str, ref: Ref, **data: object) -> bytes:
    return _flat(kind, ref, data=data)


def _flat(kind: str, ref: Ref, **fields: object) -> bytes:
    head: dict[str, object] = {"type": kind}
    if ref is not None:
        head["ref"] = ref
    return to_json({**head, **fields})
