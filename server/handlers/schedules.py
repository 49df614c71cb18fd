"""What is to be sent at a time of its own (contract section 2.1)."""

from __future__ import annotations

from uuid import UUID

from actors.frames import timestamp
from rules.rate_limits import RateScope
from server.auth import SENDERS, Principal, UserType
from server.handlers.base import UUID_PATTERN, ApiHandler
from server.operation import Operation
from server.paging import listing
from server.schemas.answer import Done
from server.schemas.direct_sends import SCHEDULES_QUERY, Schedules


class SchedulesHandler(ApiHandler):
    """`GET /api/notifications/scheduled/`."""

    roles = {"GET": SENDERS}
    operations = {"GET": Operation(query=SCHEDULES_QUERY, answers={200: Schedules})}
    rate_scopes = dict.fromkeys(roles, RateScope.NOTIFICATIONS)

    async def get(self) -> None:
        """List what the caller has scheduled, the newest first; admins see everybody's."""
        asked = self.query()
        page = await self.service.stores.scheduled_sends.page(
            _whose(self.principal), page=asked["page"], page_size=asked["page_size"]
        )
        self.answer(
            listing(
                url=self.service.url("/api/notifications/scheduled/"),
                query=self.asked_with(),
                page=asked["page"],
                page_size=asked["page_size"],
                count=page.count,
                results=[
                    {
                        "schedule_id": schedule.id,
                        "send_at": timestamp(schedule.send_at),
                        "recipient_id": schedule.recipient_id,
                        "notification_type": schedule.kind,
                        "title": schedule.title,
                        "status": schedule.status,
                    }
                    for schedule in page.schedules
                ],
            )
        )


class ScheduleHandler(ApiHandler):
    """`DELETE /api/notifications/scheduled/{schedule_id}/`."""

    roles = {"DELETE": SENDERS}
    operations = {"DELETE": Operation(answers={200: Done}, refusals=(409,))}
    rate_scopes = dict.fromkeys(roles, RateScope.NOTIFICATIONS)

    async def delete(self, schedule_id: str) -> None:
        """Cancel what is not sent yet."""
        await self.service.stores.scheduled_sends.cancel(UUID(schedule_id), _whose(self.principal))
        self.answer({"message": "Scheduled notification cancelled"})


def _whose(principal: Principal) -> UUID | None:
    """Return whose schedules the caller may see and cancel, None for everybody's."""
    return None if principal.user_type is UserType.ADMIN else principal.user_id


ROUTES = [
    (r"/api/notifications/scheduled/?", SchedulesHandler),
    (rf"/api/notifications/scheduled/{UUID_PATTERN}/?", ScheduleHandler),
]
