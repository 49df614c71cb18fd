"""What is known of users, after events in whatever order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from rules.preferences import Preferences
from server.service import Service
from storage.users import User
from tests.server.posting import outcome, taken
from tests.support.world import World, eventually

NOON = datetime(2025, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def test_a_registration_is_stored_by_the_time_it_is_answered(
    world: World, service: Service
) -> None:
    """As a rule: what takes longer than half a second is answered before."""
    person = await world.person(
        "ngo",
        name="Thandi\x00 Nkosi ",
        phone="+27821234567",
        locale="zu",
        timezone="Africa/Johannesburg",
        profile_image="https://img.example/me.png",
    )

    async def stored() -> User | None:
        return await service.stores.users.find(person.id)

    found = await eventually(stored)
    assert found == User(
        id=person.id,
        name="Thandi Nkosi",
        user_type="ngo",
        email=f"{person.id}@example.org",
        phone="+27821234567",
        locale="zu",
        timezone="Africa/Johannesburg",
        profile_image="https://img.example/me.png",
        business_id=None,
        preferences=Preferences(locale="zu"),
    )


async def profile_after(world: World, service: Service, said: list[tuple[str, Any, int]]) -> User:
    """Return what is known of somebody after events (type, fields, hour) in that order."""
    user_id = uuid4()
    for event_type, fields, hour in said:
        answer = await world.event(
            event_type,
            {"id": str(user_id), **fields},
            occurred_at=(NOON + hour * HOUR).isoformat(),
        )
        assert outcome(answer) == taken(1)

    async def all_applied() -> bool:
        return await service.stores.events.pending_count() == 0

    await eventually(all_applied)
    return await service.stores.users.get(user_id)


REGISTERED = {"name": "Old", "user_type": "customer", "email": "old@example.org", "locale": "en"}
MARRIED = {"name": "New"}
MOVED = {"email": "new@example.org", "locale": None}


@pytest.mark.parametrize(
    "order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
)
async def test_events_in_any_order_leave_what_the_newest_said_of_each_field(
    world: World, service: Service, order: tuple[int, ...]
) -> None:
    said = [
        ("user.registered", REGISTERED, 0),
        ("user.updated", MARRIED, 1),
        ("user.updated", MOVED, 2),
    ]
    found = await profile_after(world, service, [said[place] for place in order])
    assert (found.name, found.email, found.locale, found.user_type) == (
        "New",
        "new@example.org",
        None,
        "customer",
    )


async def test_an_update_of_one_field_leaves_an_older_update_of_another(
    world: World, service: Service
) -> None:
    found = await profile_after(
        world,
        service,
        [
            ("user.updated", {"name": "Newest"}, 3),
            ("user.updated", {"name": "Newer", "locale": "af"}, 2),
        ],
    )
    assert (found.name, found.locale) == ("Newest", "af")


async def test_of_events_of_one_moment_the_later_one_counts(world: World, service: Service) -> None:
    found = await profile_after(
        world,
        service,
        [("user.updated", {"name": "First"}, 1), ("user.updated", {"name": "Second"}, 1)],
    )
    assert found.name == "Second"


async def test_times_are_compared_as_moments_and_not_as_texts(
    world: World, service: Service
) -> None:
    user_id = uuid4()
    for name, occurred_at in (
        ("Later", "2025-11-22T12:30:00+00:00"),
        ("Earlier", "2025-11-22T14:00:00+02:00"),
    ):
        data = {"id": str(user_id), "name": name}
        await world.event("user.updated", data, occurred_at=occurred_at)

    async def all_applied() -> bool:
        return await service.stores.events.pending_count() == 0

    await eventually(all_applied)
    assert (await service.stores.users.get(user_id)).name == "Later"
