"""A user is registered, verified, and told so."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from server.service import Service
from storage.filing import unfiled
from tests.support.api import token
from tests.support.world import Person, World, event, eventually, user


async def rows_of(service: Service, user_id: UUID, count: int = 1) -> list[dict[str, Any]]:
    """Wait until the user has `count` rows and all events are carried out, and return the rows."""

    async def all_there() -> bool:
        if await service.stores.events.pending_count():
            return False
        return await service.stores.notifications._rows.count({"recipient_id": user_id}) >= count

    await eventually(all_there)
    return await service.stores.notifications._rows.find({"recipient_id": user_id})


async def test_who_registers_is_welcomed_by_email_alone(world: World, service: Service) -> None:
    person = await world.person()
    (row,) = await rows_of(service, person.id)
    assert (row["kind"], row["in_app"]) == ("welcome", False)
    assert row["channels"].keys() == {"email"}
    assert row["channels"]["email"]["status"] == "queued"
    assert (await world.inbox(person))["count"] == 0
    socket = await world.connect(person)
    await socket.nothing_more()


async def test_the_welcome_comes_once_whatever_came_first_and_how_often(
    world: World, service: Service
) -> None:
    user_id = uuid4()
    registered = event("user.registered", user(user_id))
    await world.event("user.updated", {"id": str(user_id), "name": "New name"})
    await world.events([registered, registered])
    await world.events([registered])
    await world.event("user.registered", user(user_id))
    await world.event("user.updated", {"id": str(user_id), "locale": "af"})
    (row,) = await rows_of(service, user_id)
    assert row["kind"] == "welcome"
    assert (await service.stores.users.get(user_id)).locale == "af"


async def test_the_welcome_heeds_what_was_preferred_before(world: World, service: Service) -> None:
    user_id = uuid4()
    person = Person(user_id, token(user_id))
    await world.prefer(person, email_notifications=False)
    await world.event("user.registered", user(person.id))
    (row,) = await rows_of(service, person.id)
    assert unfiled(row["channels"])["email"] == {
        "status": "suppressed",
        "reason": "channel_preference",
    }


async def test_a_user_is_told_how_their_verification_stands(world: World) -> None:
    person = await world.person("ngo")
    socket = await world.connect(person)
    await world.event(
        "verification.status_changed",
        {"user_id": str(person.id), "status": "rejected", "reason": "The photo is blurred."},
    )
    told = await socket.notified()
    assert told["notification_type"] == "verification_status"
    assert told["data"] == {"status": "rejected", "reason": "The photo is blurred."}
    assert (told["sender"], told["business"]) == (None, None)
    await world.event(
        "verification.status_changed", {"user_id": str(person.id), "status": "verified"}
    )
    newest, _ = await world.told(person, 2)
    assert newest["message"] == "The status of your verification is now: verified."
