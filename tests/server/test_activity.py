"""When somebody was last here is kept, at most once an hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from actors.activity import WasHere
from server.activity import Activity
from server.auth import Principal, UserType
from server.service import Service
from storage.last_activity import ACTIVE_FOR
from tests.support.api import Api, token
from tests.support.world import World

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


async def last_active_at(service: Service, user_id: UUID) -> datetime | None:
    (found,) = await service.stores.segments.known([user_id])
    return found.traits.last_active_at


async def test_who_asks_is_active(world: World, service: Service) -> None:
    person = await world.person()
    assert await last_active_at(service, person.id) is None
    before = service.clock.store_now()
    await world.inbox(person)
    active_at = await world.eventually(lambda: last_active_at(service, person.id))
    assert active_at is not None
    assert before <= active_at <= service.clock.store_now()


async def test_who_connects_is_active(world: World, service: Service) -> None:
    person = await world.person()
    await world.connect(person)
    await world.eventually(lambda: last_active_at(service, person.id))


async def test_who_is_not_known_is_not_made_known_by_it(api: Api, service: Service) -> None:
    user_id, witness = uuid4(), uuid4()
    await service.stores.devices.register(
        witness, uuid4().hex, {"platform": "web"}, user_type="ngo", at=NOON
    )
    for each in (user_id, witness):
        assert (await api.get("/api/notifications/", token(each))).status == 200

    async def is_noted() -> bool:
        return await last_active_at(service, witness) is not None

    await World(api).eventually(is_noted)
    assert await service.stores.segments.known([user_id]) == []


async def test_nothing_is_written_for_an_hour(service: Service) -> None:
    user_id = uuid4()
    await service.stores.devices.register(
        user_id, uuid4().hex, {"platform": "web"}, user_type="ngo", at=NOON
    )
    for at, kept in (
        (NOON, NOON),
        (NOON + MINUTE, NOON),
        (NOON - MINUTE, NOON),
        (NOON + ACTIVE_FOR - MINUTE, NOON),
        (NOON + ACTIVE_FOR, NOON + ACTIVE_FOR),
    ):
        await service.stores.last_activity.note([user_id], at=at)
        assert await last_active_at(service, user_id) == kept


@pytest.mark.parametrize("user_type", UserType)
def test_only_the_first_time_is_told_and_of_services_nothing(user_type: UserType) -> None:
    told: list[WasHere] = []
    activity = Activity(lambda: NOON, told.append)
    somebody = Principal(user_id=uuid4(), user_type=user_type, expires_at_s=0.0)
    activity.note(somebody)
    activity.note(somebody)
    expected = [] if user_type is UserType.SERVICE else [WasHere(somebody.user_id, NOON)]
    assert told == expected
