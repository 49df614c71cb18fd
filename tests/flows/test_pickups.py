"""Pickups announced late, as their users hear of them from a running service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from server.service import Service
from storage.notifications import NotificationRow
from tests.support.world import Person, World, pickup

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
NOBODYS = {"confirmation_code": "ABC123", "contact_phone": "+27123456789"}


async def announce(world: World, person: Person, ahead: timedelta, **fields: Any) -> str:
    """Schedule a pickup so far ahead, and return the order's id."""
    shop = await world.shop()
    at = datetime.now(UTC) + ahead
    data = pickup(shop.id, person.id, pickup_time=at.isoformat(), **NOBODYS, **fields)
    answer = await world.event("pickup.scheduled", data)
    assert answer.status == 202, answer.body
    return str(data["interaction_id"])


async def rows_of(service: Service, person: Person) -> list[NotificationRow]:
    """Return what was made for `person`, in the app or not, but for the welcome."""
    until = service.clock.store_now() + MINUTE
    found = [
        NotificationRow.from_document(row)
        async for some in service.stores.history.of(person.id, until=until)
        for row in some
    ]
    return [row for row in found if row.kind != "welcome"]


async def told(world: World, service: Service, person: Person, count: int) -> list[NotificationRow]:
    async def enough() -> list[NotificationRow]:
        rows = await rows_of(service, person)
        return rows if len(rows) >= count else []

    rows = await world.eventually(enough)
    assert len(rows) == count
    return rows


async def test_within_the_last_hour_the_urgent_reminder_comes_at_once(
    world: World, service: Service
) -> None:
    person = await world.person(phone="+27821234567")
    socket = await world.connect(person)
    order = await announce(world, person, 50 * MINUTE)
    frame = await socket.notified()
    assert (frame["notification_type"], frame["priority"]) == ("pickup_reminder", "critical")
    assert frame["data"]["interaction_id"] == order
    assert frame["data"]["confirmation_code"] == "ABC123"
    assert frame["sender"]["name"] == "Mario's"
    (row,) = await told(world, service, person, 1)
    assert row.channels.keys() == {"in_app", "email", "push", "sms"}
    (listed,) = (await world.inbox(person))["results"]
    assert listed["data"] == frame["data"]


async def test_a_day_before_there_is_a_mail_and_nothing_in_the_app(
    world: World, service: Service
) -> None:
    person = await world.person()
    await announce(world, person, 10 * HOUR)
    (row,) = await told(world, service, person, 1)
    assert (row.kind, row.data["reminder"]) == ("pickup_reminder", "day")
    assert row.channels.keys() == {"email"}
    assert (await world.inbox(person))["count"] == 0


async def test_after_its_time_only_what_was_missed_is_told(world: World, service: Service) -> None:
    late, too_late = await world.person(), await world.person()
    await announce(world, too_late, -31 * MINUTE)
    # Missed in a second.
    await announce(world, late, timedelta(seconds=1) - 30 * MINUTE)
    (row,) = await told(world, service, late, 1)
    assert (row.kind, row.in_app) == ("pickup_missed", True)
    assert await rows_of(service, too_late) == []


async def test_events_that_say_it_again_tell_nobody_twice(world: World, service: Service) -> None:
    person = await world.person()
    shop = await world.shop()
    at = (datetime.now(UTC) + 30 * MINUTE).isoformat()
    data = pickup(shop.id, person.id, pickup_time=at)
    for _ in range(4):
        await world.event("pickup.scheduled", data)
    await told(world, service, person, 1)
    await world.event("pickup.scheduled", data)
    # What comes after it has been told shows that it was carried out.
    await announce(world, person, 20 * MINUTE)
    await told(world, service, person, 2)


async def test_schedules_of_pickups_are_in_nobodys_list(world: World, service: Service) -> None:
    person = await world.person()
    await announce(world, person, 48 * HOUR)

    async def is_planned() -> bool:
        return await service.stores.schedules.waiting_count() > 0

    await world.eventually(is_planned)
    answer = await world.api.get("/api/notifications/scheduled/", world.platform)
    assert answer.body["results"] == []
