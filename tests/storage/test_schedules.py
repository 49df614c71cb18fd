from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from storage.encryption import FieldCipher
from storage.schedules import (
    LEFT_AFTER,
    Claimed,
    Schedule,
    ScheduleNotFound,
    ScheduleNotPending,
    SchedulesRepository,
)
from tests.storage.samples import KEY, MINUTE, SECOND

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.stores import Stores

NOW = datetime.now(UTC).replace(microsecond=0)
"""Not a fixed time: the store removes by its own clock what is long past."""

REQUEST = {"title": "Bread", "message": "for Thandi", "data": {"$ref": 2**63}}


@pytest.fixture
def schedules(stores: Stores) -> SchedulesRepository:
    return stores.schedules


def a_schedule(**changes: Any) -> Schedule:
    values: dict[str, Any] = {
        "id": uuid4(),
        "sender": uuid4(),
        "recipient_id": uuid4(),
        "kind": "system_announcement",
        "title": "Bread",
        "send_at": NOW,
        "created_at": NOW - MINUTE,
    }
    return Schedule(**(values | changes))


async def added(schedules: SchedulesRepository, **changes: Any) -> Schedule:
    schedule = a_schedule(**changes)
    await schedules.add(schedule, REQUEST)
    return schedule


async def claim(schedules: SchedulesRepository, *ids: UUID, at: datetime = NOW) -> list[Claimed]:
    return await schedules.claim(ids, by=at, now=at)


async def listed(schedules: SchedulesRepository, schedule: Schedule) -> Schedule:
    page = await schedules.page(schedule.sender, page=1, page_size=1)
    (found,) = page.schedules
    return found


async def is_due(schedules: SchedulesRepository, schedule: Schedule, *, by: datetime) -> bool:
    return schedule.id in {id_ for id_, _ in await schedules.due(by=by, limit=1_000)}


async def test_a_schedule_is_listed_as_it_was_given(schedules: SchedulesRepository) -> None:
    schedule = await added(schedules)
    assert await listed(schedules, schedule) == schedule


async def test_one_that_is_there_already_stays_as_it_is(schedules: SchedulesRepository) -> None:
    schedule = await added(schedules)
    await claim(schedules, schedule.id)
    await schedules.add(schedule, {"title": "Another"})
    assert (await listed(schedules, schedule)).status == "sent"


async def test_a_sender_sees_its_own_and_the_newest_first(schedules: SchedulesRepository) -> None:
    sender = uuid4()
    mine = [
        await added(schedules, sender=sender, created_at=NOW + n * SECOND, send_at=NOW - n * SECOND)
        for n in range(5)
    ]
    await added(schedules)
    first = await schedules.page(sender, page=1, page_size=2)
    last = await schedules.page(sender, page=3, page_size=2)
    beyond = await schedules.page(sender, page=4, page_size=2)
    assert (first.count, first.schedules) == (5, [mine[4], mine[3]])
    assert (last.count, last.schedules) == (5, [mine[0]])
    assert (beyond.count, beyond.schedules) == (5, [])


async def test_all_senders_together_are_a_list_too(schedules: SchedulesRepository) -> None:
    latest = await added(schedules, created_at=NOW + timedelta(days=1))
    others = await added(schedules, created_at=NOW + timedelta(days=1) - SECOND)
    page = await schedules.page(None, page=1, page_size=2)
    assert page.schedules == [latest, others]
    assert page.count >= 2


async def test_what_is_due_is_found_from_its_time_on(schedules: SchedulesRepository) -> None:
    schedule = await added(schedules)
    assert not await is_due(schedules, schedule, by=NOW - SECOND)
    assert await is_due(schedules, schedule, by=NOW)


async def test_the_earliest_are_found_first(schedules: SchedulesRepository) -> None:
    long_ago = NOW - timedelta(days=20)
    later, earlier = [await added(schedules, send_at=long_ago + n * SECOND) for n in (1, 0)]
    due = await schedules.due(by=NOW, limit=2)
    assert due == [(earlier.id, earlier.send_at), (later.id, later.send_at)]


async def test_a_claim_returns_what_the_event_will_say_once(
    schedules: SchedulesRepository,
) -> None:
    schedule = await added(schedules)
    (claimed,) = await claim(schedules, schedule.id)
    assert claimed.request == REQUEST
    assert claimed.schedule.id == schedule.id
    assert await claim(schedules, schedule.id) == []


async def test_of_claims_at_once_one_wins(schedules: SchedulesRepository) -> None:
    schedule = await added(schedules)
    claims = await asyncio.gather(*(claim(schedules, schedule.id) for _ in range(8)))
    assert len([claimed for found in claims for claimed in found]) == 1


async def test_what_is_not_due_cannot_be_claimed(schedules: SchedulesRepository) -> None:
    schedule = await added(schedules, send_at=NOW + SECOND)
    assert await claim(schedules, schedule.id) == []
    assert (await listed(schedules, schedule)).status == "scheduled"


async def test_who_dies_over_a_claim_leaves_it_to_others(schedules: SchedulesRepository) -> None:
    schedule = await added(schedules)
    await claim(schedules, schedule.id)
    assert not await is_due(schedules, schedule, by=NOW + LEFT_AFTER - SECOND)
    assert await is_due(schedules, schedule, by=NOW + LEFT_AFTER)
    assert len(await claim(schedules, schedule.id, at=NOW + LEFT_AFTER)) == 1


async def test_what_was_sent_is_due_no_more_and_its_request_is_gone(
    schedules: SchedulesRepository, database: AsyncIOMotorDatabase[Document]
) -> None:
    schedule = await added(schedules)
    await claim(schedules, schedule.id)
    await schedules.sent([schedule.id])
    assert not await is_due(schedules, schedule, by=NOW + LEFT_AFTER)
    assert (await listed(schedules, schedule)).status == "sent"
    row = await database["schedules"].find_one({"_id": schedule.id})
    assert row is not None
    assert not {"request", "due_at", "claim"} & row.keys()


async def test_what_is_cancelled_is_never_due_and_its_request_is_gone(
    schedules: SchedulesRepository, database: AsyncIOMotorDatabase[Document]
) -> None:
    schedule = await added(schedules)
    await schedules.cancel(schedule.id, schedule.sender)
    assert (await listed(schedules, schedule)).status == "cancelled"
    assert await claim(schedules, schedule.id) == []
    row = await database["schedules"].find_one({"_id": schedule.id})
    assert row is not None
    assert "request" not in row


async def test_only_ones_own_can_be_cancelled_but_for_who_may_all(
    schedules: SchedulesRepository,
) -> None:
    schedule = await added(schedules)
    for id_, sender in ((schedule.id, uuid4()), (uuid4(), schedule.sender), (uuid4(), None)):
        with pytest.raises(ScheduleNotFound):
            await schedules.cancel(id_, sender)
    await schedules.cancel(schedule.id, None)
    assert (await listed(schedules, schedule)).status == "cancelled"


async def test_what_is_no_longer_scheduled_cannot_be_cancelled(
    schedules: SchedulesRepository,
) -> None:
    sent, cancelled = await added(schedules), await added(schedules)
    await claim(schedules, sent.id)
    await schedules.cancel(cancelled.id, None)
    for schedule, status in ((sent, "sent"), (cancelled, "cancelled")):
        with pytest.raises(ScheduleNotPending) as raised:
            await schedules.cancel(schedule.id, schedule.sender)
        assert raised.value.status == status


async def test_of_a_cancellation_and_a_claim_at_once_one_wins(
    schedules: SchedulesRepository,
) -> None:
    for _ in range(10):
        schedule = await added(schedules)
        claimed, cancelled = await asyncio.gather(
            claim(schedules, schedule.id),
            schedules.cancel(schedule.id, None),
            return_exceptions=True,
        )
        is_cancelled = cancelled is None
        assert is_cancelled or isinstance(cancelled, ScheduleNotPending)
        assert claimed == [] if is_cancelled else isinstance(claimed, list) and len(claimed) == 1
        status = (await listed(schedules, schedule)).status
        assert status == ("cancelled" if is_cancelled else "sent")


async def test_what_came_to_nothing_says_why(
    schedules: SchedulesRepository, database: AsyncIOMotorDatabase[Document]
) -> None:
    schedule, pending = await added(schedules), await added(schedules)
    await claim(schedules, schedule.id)
    await schedules.fail([schedule.id, pending.id], reason="daily_cap")
    assert (await listed(schedules, schedule)).status == "failed"
    assert (await listed(schedules, pending)).status == "scheduled"
    row = await database["schedules"].find_one({"_id": schedule.id})
    assert row is not None
    assert row["reason"] == "daily_cap"


async def test_what_cannot_be_decrypted_fails(
    schedules: SchedulesRepository, database: AsyncIOMotorDatabase[Document]
) -> None:
    schedule = await added(schedules)
    after_loss = SchedulesRepository(database, FieldCipher([KEY[::-1]]))
    assert await claim(after_loss, schedule.id) == []
    assert (await listed(schedules, schedule)).status == "failed"


async def test_the_request_cannot_be_read_from_the_database(
    schedules: SchedulesRepository, database: AsyncIOMotorDatabase[Document]
) -> None:
    schedule = await added(schedules)
    row = await database["schedules"].find_one({"_id": schedule.id})
    assert row is not None
    assert b"Thandi" not in row["request"]
