"""The inbox over REST (contract section 2.1)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from rules.rate_limits import RateScope
from rules.timezones import zone_of
from server.auth import INBOX_OWNERS, SENDERS
from server.errors import NotFound
from server.handlers.base import UUID_PATTERN, ApiHandler
from server.idempotency import RequestKey
from server.operation import Operation
from server.paging import listing
from server.schemas.answer import Done
from server.schemas.direct_sends import DIRECT_SEND, Scheduled
from server.schemas.idempotency import IDEMPOTENCY
from server.schemas.notifications import (
    CLICK,
    INBOX_QUERY,
    MARK_READ,
    Clicked,
    Inbox,
    MarkedRead,
    Notification,
    UnreadCount,
)
from storage.notifications import InboxFilter

A_DAY = timedelta(days=1)


class ListHandler(ApiHandler):
    """`GET` and `POST /api/notifications/`."""

    roles = {"GET": INBOX_OWNERS, "POST": SENDERS}
    operations = {
        "GET": Operation(query=INBOX_QUERY, answers={200: Inbox}),
        "POST": Operation(
            body=DIRECT_SEND,
            headers=IDEMPOTENCY,
            answers={201: Notification, 202: Scheduled},
            refusals=(404, 409, 422),
        ),
    }
    rate_scopes = dict.fromkeys(roles, RateScope.NOTIFICATIONS)

    async def get(self) -> None:
        """List the caller's notifications, newest first."""
        asked = self.query()
        page = await self.service.pages.show(
            self.principal.user_id,
            await self._filter(asked),
            page=asked["page"],
            page_size=asked["page_size"],
        )
        self.answer(
            listing(
                url=self.service.url("/api/notifications/"),
                query=self.asked_with(),
                page=asked["page"],
                page_size=asked["page_size"],
                count=page.count,
                results=page.notifications,
                unread_count=page.unread_count,
            )
        )

    async def post(self) -> None:
        """Send one notification to one user, now or at `send_at`."""
        body = self.json_body()
        await self.service.images.admit(body["image_url"])
        sent = await self.service.sending.answer(
            self.principal,
            body,
            key=RequestKey.of(self.request, self.raw_body()),
        )
        self.set_status(sent.status)
        self.finish(sent.body)

    async def _filter(self, asked: dict[str, Any]) -> InboxFilter:
        created_from = created_before = None
        if "date_from" in asked or "date_to" in asked:
            preferences = await self.service.stores.users.preferences(self.principal.user_id)
            zone = zone_of(preferences.timezone)
            if "date_from" in asked:
                created_from = _midnight(_within_calendar(asked["date_from"]), zone)
            if "date_to" in asked:
                created_before = _midnight(_within_calendar(asked["date_to"]) + A_DAY, zone)
        return InboxFilter(
            is_read=asked.get("is_read"),
            kind=asked.get("notification_type"),
            created_from=created_from,
            created_before=created_before,
        )


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return when `day` begins in `zone`."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _within_calendar(day: date) -> date:
    """Return `day` or the nearest whose bounds every time zone can express."""
    return min(max(day, date.min + A_DAY), date.max - A_DAY)


class UnreadCountHandler(ApiHandler):
    """`GET /api/notifications/unread-count/`."""

    roles = {"GET": INBOX_OWNERS}
    operations = {"GET": Operation(answers={200: UnreadCount})}
    rate_scopes = dict.fromkeys(roles, RateScope.NOTIFICATIONS)

    async def get(self) -> None:
        """Say how many are unread."""
        self.answer({"unread_count": await self.service.inbox.unread_count(self.principal.user_id)})


class MarkReadHandler(ApiHandler):
    """`POST /api/notifications/mark-read/`."""

    roles = {"POST": INBOX_OWNERS}
    operations = {"POST": Operation(body=MARK_READ, answers={200: MarkedRead})}
    rate_scopes = dict.fromkeys(roles, RateScope.NOTIFICATIONS)

    async def post(self) -> None:
        """Mark some read; ids that are not the caller's are ignored."""
        ids = tuple(dict.fromkeys(self.json_body()["notification_ids"]))
        marked = await self.service.inbox.mark_read(self.principal.user_id, ids)
        count = marked.marked_count
        self.answer(
            {
                "message": f"{count} notifications marked as read",
                "marked_count": count,
                "unread_count": marked.unread_count,
            }
        )


class MarkAllReadHandler(ApiHandler):
    """`POST /api/notifications/mark-all-read/`."""

    roles = {"POST": INBOX_OWNERS}
    operations = {"POST": Operation(answers={200: MarkedRead})}
    rate_scopes = dict.fromkeys(roles, RateScope.NOTIFICATIONS)

    async def post(self) -> None:
        """Mark all read."""
        marked = await self.service.inbox.mark_all_read(self.principal.user_id)
        self.answer(
            {
                "message": "All notifications marked as read",
                "marked_count": marked.marked_count,
                "unread_count": marked.unread_count,
            }
        )


class ClickHandler(ApiHandler):
    """`POST /api/notifications/{id}/click/`."""

    roles = {"POST": INBOX_OWNERS}
    operations = {"POST": Operation(body=CLICK, is_body_optional=True, answers={200: Clicked})}
    rate_scopes = dict.fromkeys(roles, RateScope.NOTIFICATIONS)

    async def post(self, notification_id: str) -> None:
        """Keep that one was clicked, and mark it read; the body may be left out."""
        action = self.json_body()["action"]
        clicked = await self.service.inbox.click(
            self.principal.user_id, UUID(notification_id), action
        )
        self.answer({"message": "Click recorded", "unread_count": clicked.unread_count})


class DeleteHandler(ApiHandler):
    """`DELETE /api/notifications/{id}/delete/`."""

    roles = {"DELETE": INBOX_OWNERS}
    operations = {"DELETE": Operation(answers={200: Done})}
    rate_scopes = dict.fromkeys(roles, RateScope.NOTIFICATIONS)

    async def delete(self, notification_id: str) -> None:
        """Delete one softly."""
        if not await self.service.inbox.delete(self.principal.user_id, UUID(notification_id)):
            raise NotFound("No such notification")
        self.answer({"message": "Notification deleted successfully"})


ROUTES = [
    (r"/api/notifications/?", ListHandler),
    (r"/api/notifications/unread-count/?", UnreadCountHandler),
    (r"/api/notifications/mark-read/?", MarkReadHandler),
    (r"/api/notifications/mark-all-read/?", MarkAllReadHandler),
    (rf"/api/notifications/{UUID_PATTERN}/click/?", ClickHandler),
    (rf"/api/notifications/{UUID_PATTERN}/delete/?", DeleteHandler),
]
