from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from storage.presence import KEPT_FOR_S, Place, Presence
from storage.redis import RedisStore, tagged_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BOTH = {"a#1", "b/worker#1"}


@pytest.fixture
async def presence(redis_url: str) -> AsyncIterator[Presence]:
    redis = RedisStore(redis_url)
    yield Presence(redis, connections_per_user=3)
    await redis.close()


async def opened(presence: Presence, *places: Place, alive: set[str] = BOTH) -> list[Place]:
    """Open `places` one after the other; return those that had to go."""
    gone: list[Place] = []
    for place in places:
        gone += await presence.open([(place, 0.0)], alive=alive)
    return gone


async def test_of_too_many_the_oldest_is_named_once(presence: Presence) -> None:
    user_id = uuid4()
    first, second = Place(user_id, "b/worker#1", 7), Place(user_id, "a#1", 1)
    aged = [(first, 20.0), (second, 10.0)]
    assert await presence.open(aged, alive=BOTH) == []
    assert await opened(presence, Place(user_id, "a#1", 2), Place(user_id, "a#1", 3)) == [first]
    assert await opened(presence, Place(user_id, "a#1", 4)) == [second]


async def test_those_of_one_call_are_judged_together(presence: Presence) -> None:
    user_id = uuid4()
    places = [Place(user_id, "a#1", serial) for serial in range(5)]
    aged = [(place, float(10 - place.serial)) for place in places]
    assert await presence.open(aged, alive=BOTH) == places[:2]


async def test_one_that_was_closed_takes_nobodys_place(presence: Presence) -> None:
    user_id = uuid4()
    places = [Place(user_id, "a#1", serial) for serial in range(3)]
    await opened(presence, *places)
    await presence.close([places[1], Place(user_id, "a#1", 99)])
    assert await opened(presence, Place(user_id, "a#1", 3)) == []
    assert await opened(presence, Place(user_id, "a#1", 4)) == [places[0]]


async def test_what_a_dead_process_had_makes_room_first_and_no_more_than_is_wanted(
    presence: Presence,
) -> None:
    user_id = uuid4()
    oldest = Place(user_id, "a#1", 1)
    assert await presence.open([(oldest, 60.0)], alive=BOTH) == []
    dead = [Place(user_id, "b/worker#1", serial) for serial in range(2)]
    await presence.open([(place, 30.0 - place.serial) for place in dead], alive=BOTH)
    later = [Place(user_id, "a#1", serial) for serial in (2, 3, 4)]
    assert await opened(presence, *later, alive={"a#1"}) == [*dead, oldest]


async def test_to_open_again_changes_nothing_but_how_long_it_is_kept(
    presence: Presence, redis_url: str
) -> None:
    user_id = uuid4()
    place = Place(user_id, "a#1", 1)
    await opened(presence, place, place)
    async with Redis.from_url(redis_url) as redis:
        key = tagged_key("connections", user_id)
        assert await redis.zrange(key, 0, -1) == [b"a#1/1"]
        assert 0 < await redis.ttl(key) <= KEPT_FOR_S


async def test_users_do_not_count_for_one_another(presence: Presence) -> None:
    places = [Place(UUID(int=number), "a#1", number) for number in range(1, 301)]
    assert await presence.open([(place, 0.0) for place in places], alive=BOTH) == []
    assert await presence.open([], alive=BOTH) == []
    await presence.close(places)
