from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from rules.due_keys import key_from
from rules.slots import SLOTS
from storage.scheduled_sends import Schedule, ScheduledSends, ScheduleNotFound, ScheduleNotPending
from storage.schedules import Claimed, Due, PlannedEvent
from tests.storage.samples import MINUTE, SECOND, an_event

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.stores import Stores

NOW = datetime.now(UTC).replace(microsecond=0)
"""Not a fixed time: the store removes by its own clock what is long past."""


@pytest.fixture
def sends(stores: Stores) -> ScheduledSends:
    return stores.scheduled_sends


async def added(sends: ScheduledSends, **changes: Any) -> Schedule:
    values: dict[str, Any] = {
        "id": uuid4(),
        "sender": uuid4(),
        "recipient_id": uuid4(),
        "kind": "system_announcement",
        "title": "Bread",
        "send_at": NOW,
        "created_at": NOW - MINUTE,
    }
    schedule = Schedule(**(values | changes))
    await sends.add(schedule, an_event(data={"title": "Bread"}), now=NOW)
    return schedule


async def claim(stores: Stores, *ids: UUID) -> list[Claimed]:
    return await stores.schedules.claim(ids, by=NOW, now=NOW)


async def listed(sends: ScheduledSends, schedule: Schedule) -> Schedule:
    page = await sends.page(schedule.sender, page=1, page_size=1)
    (found,) = page.schedules
    return found


async def test_a_schedule_is_listed_as_it_was_given(sends: ScheduledSends) -> None:
    schedule = await added(sends)
    assert await listed(sends, schedule) == schedule


async def test_one_that_is_there_already_stays_as_it_is(
    sends: ScheduledSends, stores: Stores
) -> None:
    schedule = await added(sends)
    await claim(stores, schedule.id)
    await sends.add(schedule, an_event(), now=NOW)
    assert (await listed(sends, schedule)).status == "sent"


@pytest.mark.parametrize("send_at", [NOW - 5 * MINUTE, NOW + 5 * MINUTE])
async def test_one_whose_time_is_over_when_it_is_kept_is_due_now(
    sends: ScheduledSends, stores: Stores, send_at: datetime
) -> None:
    """Whoever looks for what is due has looked through the past."""
    schedule = await added(sends, send_at=send_at)
    first = key_from(due_at := max(NOW, send_at), is_urgent=False)
    found = await stores.schedules.due(first=first, last=first + SLOTS, limit=None)
    assert Due(schedule.id, due_at) in found
    assert (await listed(sends, schedule)).send_at == send_at


async def test_a_sender_sees_its_own_and_the_newest_first(sends: ScheduledSends) -> None:
    sender = uuid4()
    mine = [
        await added(sends, sender=sender, created_at=NOW + n * SECOND, send_at=NOW - n * SECOND)
        for n in range(5)
    ]
    await added(sends)
    first = await sends.page(sender, page=1, page_size=2)
    last = await sends.page(sender, page=3, page_size=2)
    beyond = await sends.page(sender, page=4, page_size=2)
    assert (first.count, first.schedules) == (5, [mine[4], mine[3]])
    assert (last.count, last.schedules) == (5, [mine[0]])
    assert (beyond.count, beyond.schedules) == (5, [])


async def test_all_senders_together_are_a_list_too(sends: ScheduledSends) -> None:
    latest = await added(sends, created_at=NOW + timedelta(days=1))
    others = await added(sends, created_at=NOW + timedelta(days=1) - SECOND)
    page = await sends.page(None, page=1, page_size=2)
    assert page.schedules == [latest, others]
    assert page.count >= 2


async def test_what_else_is_planned_is_neither_listed_nor_anybodys_to_cancel(
    sends: ScheduledSends, stores: Stores
) -> None:
    planned = PlannedEvent(id=uuid4(), at=NOW + timedelta(days=9), event=an_event())
    await stores.schedules.plan([planned])
    everything = await sends.page(None, page=1, page_size=100)
    assert planned.id not in {schedule.id for schedule in everything.schedules}
    with pytest.raises(ScheduleNotFound):
        await sends.cancel(planned.id, None)


async def test_what_is_cancelled_is_never_due_and_its_request_is_gone(
    sends: ScheduledSends, stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    schedule = await added(sends)
    await sends.cancel(schedule.id, schedule.sender)
    assert (await listed(sends, schedule)).status == "cancelled"
    assert await claim(stores, schedule.id) == []
    row = await database["schedules"].find_one({"_id": schedule.id})
    assert row is not None
    assert not {"request", "due_at", "due_key"} & row.keys()


async def test_only_ones_own_can_be_cancelled_but_for_who_may_all(sends: ScheduledSends) -> None:
    schedule = await added(sends)
    for id_, sender in ((schedule.id, uuid4()), (uuid4(), schedule.sender), (uuid4(), None)):
        with pytest.raises(ScheduleNotFound):
            await sends.cancel(id_, sender)
    await sends.cancel(schedule.id, None)
    assert (await listed(sends, schedule)).status == "cancelled"


async def test_what_is_no_longer_scheduled_cannot_be_cancelled(
    sends: ScheduledSends, stores: Stores
) -> None:
    sent, cancelled = await added(sends), await added(sends)
    await claim(stores, sent.id)
    await sends.cancel(cancelled.id, None)
    for schedule, status in ((sent, "sent"), (cancelled, "cancelled")):
        with pytest.raises(ScheduleNotPending) as raised:
            await sends.cancel(schedule.id, schedule.sender)
        assert raised.value.status == status


async def test_of_a_cancellation_and_a_claim_at_once_one_wins(
    sends: ScheduledSends, stores: Stores
) -> None:
    for _ in range(10):
        schedule = await added(sends)
        claimed, cancelled = await asyncio.gather(
            claim(stores, schedule.id), sends.cancel(schedule.id, None), return_exceptions=True
        )
        is_cancelled = cancelled is None
        assert is_cancelled or isinstance(cancelled, ScheduleNotPending)
        assert claimed == [] if is_cancelled else isinstance(claimed, list) and len(claimed) == 1
        status = (await listed(sends, schedule)).status
        assert status == ("cancelled" if is_cancelled else "sent")


async def test_what_came_to_nothing_says_why(
    sends: ScheduledSends, stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    schedule, pending = await added(sends), await added(sends)
    await claim(stores, schedule.id)
    await sends.fail([schedule.id, pending.id], reason="daily_cap")
    assert (await listed(sends, schedule)).status == "failed"
    assert (await listed(sends, pending)).status == "scheduled"
    row = await database["schedules"].find_one({"_id": schedule.id})
    assert row is not None
    assert row["reason"] == "daily_cap"
