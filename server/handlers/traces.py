"""What became of a notification on each channel, and why (contract section 2.1)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from actors.frames import timestamp
from rules.kinds import Channel
from rules.rate_limits import RateScope
from server.auth import INBOX_OWNERS, UserType
from server.errors import NotFound
from server.handlers.base import UUID_PATTERN, ApiHandler
from server.operation import Operation
from server.schemas.traces import NOT_CHOSEN, UNUSED, Trace
from server.views import attempt_records, time_of
from storage.notifications import NotificationRow


class TraceHandler(ApiHandler):
    """`GET /api/notifications/{id}/trace/`."""

    roles = {"GET": INBOX_OWNERS}
    operations = {"GET": Operation(answers={200: Trace})}
    rate_scopes = dict.fromkeys(roles, RateScope.NOTIFICATIONS)

    async def get(self, notification_id: str) -> None:
        """Tell the recipient, or an admin, what became of each channel and why."""
        row = await self._find(UUID(notification_id))
        if row is None:
            raise NotFound("No such notification")
        self.answer(
            {
                "notification_id": row.id,
                "recipient_id": row.recipient_id,
                "notification_type": row.kind,
                "created_at": timestamp(row.created_at),
                "channels": [_trace(row, channel) for channel in Channel],
            }
        )

    async def _find(self, notification_id: UUID) -> NotificationRow | None:
        stores, asking = self.service.stores, self.principal
        if asking.user_type is UserType.ADMIN:
            return await stores.delivery_records.find_row(notification_id)
        return await stores.notifications.find(asking.user_id, notification_id)


def _trace(row: NotificationRow, channel: Channel) -> dict[str, Any]:
    """Return what became of one channel; one that was not chosen has a status of its own."""
    state = row.channels.get(channel.value, {"status": UNUSED, "reason": NOT_CHOSEN})
    is_seen = channel is Channel.IN_APP and row.in_app
    return {
        "channel": channel,
        "status": state["status"],
        "reason": state.get("reason"),
        "due_at": time_of(state, "due_at"),
        "sent_at": timestamp(row.created_at) if is_seen else time_of(state, "sent_at"),
        "read_at": timestamp(row.read_at) if is_seen and row.read_at else None,
        "clicked_at": timestamp(row.clicked_at) if is_seen and row.clicked_at else None,
        "deleted_at": timestamp(row.deleted_at) if is_seen and row.deleted_at else None,
        "attempts": attempt_records(state),
        "feedback": [
            {"event": each["event"], "at": timestamp(each["at"])}
            for each in state.get("feedback", ())
        ],
    }


ROUTES = [(rf"/api/notifications/{UUID_PATTERN}/trace/?", TraceHandler)]
