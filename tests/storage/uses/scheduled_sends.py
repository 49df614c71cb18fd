"""Uses of the schedules that people see."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from storage.scheduled_sends import Schedule, ScheduledSends
from tests.storage.filled.asked import LATER, OWNER, READER, SCHEDULES, SETTLER
from tests.storage.samples import NOON, SECOND
from tests.storage.uses.schedules import A_PLAN, claimed_again, scheduled_again
from tests.storage.uses.use import Use, counted_in_parts, without

if TYPE_CHECKING:
    from storage.stores import Stores

A_SCHEDULE = Schedule(
    id=uuid4(),
    sender=SETTLER,
    recipient_id=READER,
    kind="welcome",
    title="t",
    send_at=LATER + SECOND,
    created_at=NOON,
)
WITHOUT_IT = without("schedules", [A_SCHEDULE.id])


async def page(stores: Stores) -> tuple[int, int]:
    found = await stores.scheduled_sends.page(OWNER, page=2, page_size=9)
    return found.count, len(found.schedules)


USES = [
    Use(
        ScheduledSends.add,
        lambda stores: stores.scheduled_sends.add(A_SCHEDULE, A_PLAN.event, now=NOON),
        restore=WITHOUT_IT,
    ),
    Use(ScheduledSends.page, page, ("sender",), WITHOUT_IT),
    Use(
        ScheduledSends.exported,
        lambda stores: counted_in_parts(stores.scheduled_sends.exported(sender=OWNER)),
        ("sender",),
        scheduled_again,
    ),
    Use(
        ScheduledSends.exported,
        lambda stores: counted_in_parts(stores.scheduled_sends.exported(recipient_id=UUID(int=9))),
        ("recipient",),
        scheduled_again,
    ),
    Use(
        ScheduledSends.cancel,
        lambda stores: stores.scheduled_sends.cancel(SCHEDULES[3], OWNER),
        restore=scheduled_again,
    ),
    Use(
        ScheduledSends.fail,
        lambda stores: stores.scheduled_sends.fail(SCHEDULES, reason=""),
        restore=claimed_again,
    ),
]
