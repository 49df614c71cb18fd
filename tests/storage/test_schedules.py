from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from rules.due_keys import key_from
from rules.events import Lane
from rules.slots import SLOTS
from storage.encryption import FieldCipher
from storage.schedules import LEFT_AFTER, Claimed, Due, PlannedEvent, SchedulesRepository
from tests.storage.samples import KEY, MINUTE, SECOND, an_event

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.stores import Stores

NOW = datetime.now(UTC).replace(microsecond=0)
"""Not a fixed time: the store removes by its own clock what is long past."""

DATA = {"title": "Bread", "message": "for Thandi", "data": {"$ref": 2**63}}


@pytest.fixture
def schedules(stores: Stores) -> SchedulesRepository:
    return stores.schedules


def a_plan(lane: Lane = Lane.SINGLE, **changes: Any) -> PlannedEvent:
    values: dict[str, Any] = {
        "id": uuid4(),
        "at": NOW,
        "event": an_event(data=DATA, lane=lane.value),
    } | changes
    return PlannedEvent(**values)


async def planned(schedules: SchedulesRepository, **changes: Any) -> PlannedEvent:
    plan = a_plan(**changes)
    assert await schedules.plan([plan]) == 1
    return plan


async def claim(schedules: SchedulesRepository, *ids: UUID, at: datetime = NOW) -> list[Claimed]:
    return await schedules.claim(ids, by=at, now=at)


async def due(
    schedules: SchedulesRepository, at: datetime, *, is_urgent: bool = False
) -> list[Due]:
    """Return what is due in the second of `at`."""
    first = key_from(at, is_urgent=is_urgent)
    return await schedules.due(first=first, last=first + SLOTS, limit=None)


async def row_of(database: AsyncIOMotorDatabase[Document], id_: UUID) -> Document:
    row = await database["schedules"].find_one({"_id": id_})
    assert row is not None
    return row


async def test_nothing_is_planned_at_no_cost(schedules: SchedulesRepository) -> None:
    assert await schedules.plan([]) == 0


async def test_what_is_due_is_found_in_its_second(schedules: SchedulesRepository) -> None:
    plan = await planned(schedules, at=NOW + MINUTE)
    assert await due(schedules, plan.at) == [Due(plan.id, plan.at)]
    assert await due(schedules, plan.at - SECOND) == []
    assert await due(schedules, plan.at + SECOND) == []


async def test_what_is_critical_is_found_apart(schedules: SchedulesRepository) -> None:
    plan = await planned(schedules, at=NOW + 2 * MINUTE, lane=Lane.CRITICAL)
    assert await due(schedules, plan.at, is_urgent=True) == [Due(plan.id, plan.at)]
    assert await due(schedules, plan.at) == []


async def test_a_second_can_be_found_in_parts(schedules: SchedulesRepository) -> None:
    at = NOW + 3 * MINUTE
    plans = [await planned(schedules, at=at) for _ in range(20)]
    first = key_from(at, is_urgent=False)
    parts = [
        await schedules.due(first=first + n * 512, last=first + (n + 1) * 512, limit=None)
        for n in range(SLOTS // 512)
    ]
    assert len([part for part in parts if part]) > 1
    found = sorted(each.id for part in parts for each in part)
    assert found == sorted(plan.id for plan in plans)


async def test_no_more_are_found_than_asked_for(schedules: SchedulesRepository) -> None:
    at = NOW + 4 * MINUTE
    for _ in range(3):
        await planned(schedules, at=at)
    first = key_from(at, is_urgent=False)
    assert len(await schedules.due(first=first, last=first + SLOTS, limit=2)) == 2


async def test_planned_twice_it_is_planned_once(schedules: SchedulesRepository) -> None:
    plan = await planned(schedules, at=NOW + 5 * MINUTE)
    assert await schedules.plan([plan]) == 0
    assert len(await due(schedules, plan.at)) == 1


async def test_a_higher_version_replaces_a_lower_one_whichever_comes_first(
    schedules: SchedulesRepository,
) -> None:
    old = await planned(schedules, at=NOW + 6 * MINUTE, version=2)
    new = a_plan(id=old.id, at=NOW + 7 * MINUTE, version=3)
    assert await schedules.plan([new]) == 1
    assert await schedules.plan([old]) == 0
    assert await due(schedules, old.at) == []
    assert await due(schedules, new.at) == [Due(new.id, new.at)]
    (claimed,) = await claim(schedules, new.id, at=new.at)
    assert (claimed.at, claimed.event) == (new.at, new.event)


async def test_what_was_carried_out_is_planned_anew_by_a_higher_version(
    schedules: SchedulesRepository,
) -> None:
    plan = await planned(schedules)
    claimed = await claim(schedules, plan.id)
    assert await schedules.plan([plan]) == 0
    again = a_plan(id=plan.id, version=2)
    assert await schedules.plan([again]) == 1
    # Whoever carried out the first one is not done with the second.
    await schedules.sent(claimed)
    (anew,) = await claim(schedules, plan.id)
    assert anew.event == again.event


async def test_what_is_withdrawn_is_never_due_and_its_data_is_gone(
    schedules: SchedulesRepository, database: AsyncIOMotorDatabase[Document]
) -> None:
    plan = await planned(schedules)
    assert await schedules.withdraw({plan.id: 2, uuid4(): 2}) == 1
    assert await claim(schedules, plan.id) == []
    row = await row_of(database, plan.id)
    assert row["status"] == "cancelled"
    assert not {"request", "due_at", "due_key"} & row.keys()


async def test_what_was_withdrawn_is_planned_anew_by_a_higher_version_only(
    schedules: SchedulesRepository,
) -> None:
    plan = await planned(schedules)
    await schedules.withdraw({plan.id: 2})
    assert await schedules.plan([a_plan(id=plan.id, version=2)]) == 0
    assert await schedules.plan([a_plan(id=plan.id, version=3)]) == 1
    assert len(await claim(schedules, plan.id)) == 1


async def test_only_what_a_lower_version_planned_and_waits_is_withdrawn(
    schedules: SchedulesRepository,
) -> None:
    newer, claimed = await planned(schedules, version=2), await planned(schedules)
    await claim(schedules, claimed.id)
    assert await schedules.withdraw({newer.id: 2, claimed.id: 2}) == 0
    assert len(await claim(schedules, newer.id)) == 1


async def test_a_claim_returns_the_event_once(schedules: SchedulesRepository) -> None:
    plan = await planned(schedules)
    (claimed,) = await claim(schedules, plan.id)
    assert (claimed.id, claimed.at, claimed.event) == (plan.id, plan.at, plan.event)
    assert await claim(schedules, plan.id) == []


async def test_of_claims_at_once_one_wins(schedules: SchedulesRepository) -> None:
    plan = await planned(schedules)
    claims = await asyncio.gather(*(claim(schedules, plan.id) for _ in range(8)))
    assert len([claimed for found in claims for claimed in found]) == 1


async def test_what_is_not_due_cannot_be_claimed(schedules: SchedulesRepository) -> None:
    plan = await planned(schedules, at=NOW + SECOND)
    assert await claim(schedules, plan.id) == []
    assert len(await claim(schedules, plan.id, at=plan.at)) == 1


async def test_who_dies_over_a_claim_leaves_it_to_others(schedules: SchedulesRepository) -> None:
    plan = await planned(schedules)
    await claim(schedules, plan.id)
    left_at = NOW + LEFT_AFTER
    assert Due(plan.id, left_at) in await due(schedules, left_at, is_urgent=True)
    assert await claim(schedules, plan.id, at=left_at - SECOND) == []
    (claimed,) = await claim(schedules, plan.id, at=left_at)
    assert claimed.event == plan.event


async def test_what_was_sent_is_due_no_more_and_its_data_is_gone(
    schedules: SchedulesRepository, database: AsyncIOMotorDatabase[Document]
) -> None:
    plan = await planned(schedules)
    await schedules.sent(await claim(schedules, plan.id))
    assert await claim(schedules, plan.id, at=NOW + LEFT_AFTER) == []
    row = await row_of(database, plan.id)
    assert row["status"] == "sent"
    assert not {"request", "due_at", "due_key", "claim"} & row.keys()


async def test_what_cannot_be_decrypted_fails(
    schedules: SchedulesRepository, database: AsyncIOMotorDatabase[Document]
) -> None:
    plan = await planned(schedules)
    after_loss = SchedulesRepository(database, FieldCipher([KEY[::-1]]))
    assert await claim(after_loss, plan.id) == []
    row = await row_of(database, plan.id)
    assert (row["status"], row["reason"]) == ("failed", "unreadable")
    assert "due_key" not in row


async def test_the_data_cannot_be_read_from_the_database(
    schedules: SchedulesRepository, database: AsyncIOMotorDatabase[Document]
) -> None:
    plan = await planned(schedules)
    assert b"Thandi" not in (await row_of(database, plan.id))["request"]
