"""Reminders are told while they help, of pickups that are still on, each once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from actors.flows.content import Content
from rules.kinds import Channel
from rules.reminders import Reminder
from storage.businesses import BusinessChange
from storage.stores import Stores
from tests.actors.conftest import cipher, clock, database, stores
from tests.support.reminding import Reminding, order_of, pickup_at

__all__ = ["cipher", "clock", "database", "stores"]

PICKUP = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=9)
"""Ahead, because the store itself removes schedules that are long past."""

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
LONG_BEFORE = PICKUP - timedelta(days=3)
DAY_AT, HOUR_AT, MISSED_AT = PICKUP - 24 * HOUR, PICKUP - HOUR, PICKUP + 30 * MINUTE


@pytest.fixture
async def office(stores: Stores, database: Any) -> Reminding:
    # What other tests left would be due too: the database is the module's.
    await database["schedules"].delete_many({})
    return Reminding(stores, LONG_BEFORE)


def told(office: Reminding) -> list[str]:
    return [reminder for _, reminder, _ in office.told.count.elements()]


async def scheduled(office: Reminding, at: datetime = PICKUP, **fields: Any) -> dict[str, Any]:
    data = pickup_at(at, **fields)
    await office.hear(office.event("pickup.scheduled", data))
    return data


async def go_to(office: Reminding, *times: datetime) -> None:
    for at in times:
        office.clock.at = at
        await office.look()


def contents(office: Reminding) -> list[Content]:
    return [tell.content for plan in office.plans for tell in plan.tells]


async def test_each_is_told_at_its_time(office: Reminding) -> None:
    data = await scheduled(office)
    seen = []
    for at in (DAY_AT, HOUR_AT, MISSED_AT):
        await go_to(office, at - MINUTE)
        seen.append(told(office))
        await go_to(office, at)
        seen.append(told(office))
    day, hour, missed = ["day"], ["day", "hour"], ["day", "hour", "missed"]
    assert seen == [[], day, day, hour, hour, missed]
    assert {order for order, _, _ in office.told.count} == {order_of(data)}
    assert office.tally.schedules_planned == 3


async def test_what_is_planned_later_than_it_is_due_is_told_at_once(office: Reminding) -> None:
    """As an event is that was taken over from a process that died."""
    await go_to(office, HOUR_AT + 10 * MINUTE)
    announced = office.event("pickup.scheduled", pickup_at(PICKUP))
    await go_to(office, HOUR_AT + 15 * MINUTE)
    await office.hear(announced)
    await office.look()
    assert told(office) == ["hour"]


async def test_whoever_plans_says_when_the_first_is(office: Reminding) -> None:
    await scheduled(office)
    assert office.planned_at == [DAY_AT]


@pytest.mark.parametrize("status", ["completed", "cancelled"])
@pytest.mark.parametrize("comes_first", [True, False])
async def test_of_what_is_over_nobody_is_told(
    office: Reminding, status: str, comes_first: bool
) -> None:
    data = pickup_at(PICKUP)
    end = {"interaction_id": data["interaction_id"]}
    events = [
        office.event("pickup.scheduled", data),
        office.event(f"pickup.{status}", end, occurred_at=LONG_BEFORE + MINUTE),
    ]
    for event in reversed(events) if comes_first else events:
        await office.hear(event)
    await go_to(office, DAY_AT, HOUR_AT, MISSED_AT)
    assert told(office) == []
    assert office.tally.schedules_withdrawn == (0 if comes_first else 3)


async def test_a_pickup_that_moves_is_told_of_at_its_new_time_only(office: Reminding) -> None:
    data = await scheduled(office)
    later = PICKUP + 2 * HOUR
    await scheduled(office, later, interaction_id=order_of(data), user_id=data["user_id"])
    await go_to(office, DAY_AT, DAY_AT + HOUR)
    assert told(office) == []
    await go_to(office, later - 24 * HOUR, later - HOUR)
    assert {(reminder, at) for _, reminder, at in office.told.count} == {
        ("day", later),
        ("hour", later),
    }


async def test_of_what_was_claimed_and_has_moved_meanwhile_nobody_is_told(
    office: Reminding,
) -> None:
    data = await scheduled(office)
    office.clock.at = DAY_AT
    await office.look(killed_at=1)
    await scheduled(office, PICKUP + 48 * HOUR, interaction_id=order_of(data))
    await go_to(office, DAY_AT + MINUTE)
    assert told(office) == []


async def test_what_is_said_twice_or_too_late_changes_nothing(office: Reminding) -> None:
    data = await scheduled(office)
    old = {**data, "pickup_time": (PICKUP - 48 * HOUR).isoformat()}
    await office.hear(
        office.event("pickup.scheduled", data),
        office.event("pickup.scheduled", old, occurred_at=LONG_BEFORE - MINUTE),
    )
    await go_to(office, DAY_AT)
    await office.hear(office.event("pickup.scheduled", data))
    await go_to(office, DAY_AT + MINUTE, HOUR_AT)
    assert told(office) == ["day", "hour"]


async def test_after_an_outage_only_the_latest_that_still_helps_is_told(
    office: Reminding,
) -> None:
    await scheduled(office)
    await go_to(office, HOUR_AT + 10 * MINUTE)
    assert told(office) == ["hour"]
    await go_to(office, MISSED_AT + 3 * HOUR)
    assert told(office) == ["hour", "missed"]


async def test_of_a_pickup_long_missed_nobody_is_told(office: Reminding) -> None:
    await scheduled(office)
    await go_to(office, MISSED_AT + 24 * HOUR)
    assert told(office) == []


@pytest.mark.parametrize("step", range(4))
async def test_killed_anywhere_each_is_told_once(office: Reminding, step: int) -> None:
    await scheduled(office)
    office.clock.at = HOUR_AT
    await office.look(killed_at=step)
    await go_to(office, HOUR_AT + MINUTE, HOUR_AT + 2 * MINUTE)
    assert told(office) == ["hour"]


async def test_carried_out_as_of_a_time_ahead_it_is_as_if_it_were_then(
    office: Reminding,
) -> None:
    await scheduled(office)
    await office.look(by=HOUR_AT + MINUTE)
    assert told(office) == ["hour"]


async def test_the_day_before_it_is_a_mail(office: Reminding) -> None:
    data = await scheduled(office)
    await go_to(office, DAY_AT)
    (tell,) = office.plans[0].tells
    assert tell.recipient_ids == (UUID(data["user_id"]),)
    assert tell.channels == (Channel.EMAIL,)
    assert (tell.content.kind.name, tell.content.priority) == ("pickup_reminder", "normal")


async def test_the_hour_before_it_is_critical_on_all_channels(office: Reminding) -> None:
    await scheduled(office)
    await go_to(office, HOUR_AT)
    (tell,) = office.plans[0].tells
    assert tell.channels is None
    assert set(tell.content.kind.channels) == set(Channel)
    assert tell.content.priority == "critical"


async def test_what_was_missed_is_told_in_the_app_and_by_push(office: Reminding) -> None:
    await scheduled(office)
    await go_to(office, MISSED_AT)
    (tell,) = office.plans[0].tells
    assert (tell.content.kind.name, tell.content.priority) == ("pickup_missed", "normal")
    assert tell.channels is None
    assert set(tell.content.kind.channels) == {Channel.IN_APP, Channel.PUSH}


async def test_a_reminder_says_all_that_is_known(office: Reminding) -> None:
    business, owner = uuid4(), uuid4()
    fields = {"name": "Mario's", "owner_id": str(owner)}
    await office.stores.businesses.apply([BusinessChange(business, fields, LONG_BEFORE)])
    given: dict[str, Any] = {
        "contact_person": "John Smith",
        "contact_phone": "+27123456789",
        "confirmation_code": "ABC123",
        "items": [{"name": "Bread", "quantity": 2}],
        "total_amount": "25.50",
    }
    data = await scheduled(office, business_id=str(business), **given)
    await go_to(office, HOUR_AT)
    (content,) = contents(office)
    order = order_of(data)
    assert content.data == {
        "interaction_id": order,
        "business_id": str(business),
        "reminder": "hour",
        "order_number": "SNB-7",
        "pickup_time": PICKUP.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "pickup_location": "12 Long Street",
        **given,
        "deep_link": f"savenbiteguild://interaction/{order}",
    }
    assert content.message == "Collect your order SNB-7 at Mario's within the hour: 12 Long Street."
    assert (content.business_id, content.sender_id) == (business, owner)
    assert [button["action"] for button in content.action_buttons] == [
        "view_interaction",
        "call_phone",
    ]
    said = content.title + content.message
    assert not any(secret in said for secret in ("ABC123", "+27123456789", "John"))


@pytest.mark.parametrize("reminder", list(Reminder))
async def test_a_reminder_of_an_unknown_business_says_what_it_can(
    office: Reminding, reminder: Reminder
) -> None:
    await scheduled(office, pickup_location="x" * 500, order_number="n" * 100)
    at = {Reminder.DAY: DAY_AT, Reminder.HOUR: HOUR_AT, Reminder.MISSED: MISSED_AT}
    await go_to(office, at[reminder])
    (content,) = contents(office)
    assert content.data["reminder"] == reminder
    assert not {"contact_phone", "items"} & content.data.keys()
    assert len(content.title) <= 120
    assert len(content.message) <= 1_000
    assert "{" not in content.title + content.message
    assert [button["action"] for button in content.action_buttons] == ["view_interaction"]
