"""Events from the Redis stream `snb:events` (contract section 3)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from server.service import Service
from server.stream_reader import ENTRIES_AT_ONCE, ENTRY_LIMIT_BYTES
from storage.event_stream import REJECTED, STREAM
from tests.server.posting import LEFT_OUT, data_of
from tests.support.world import World, event, eventually, listing, user


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url)
    await client.delete(REJECTED)
    yield client
    await client.aclose()


async def put(redis: Redis, body: Any) -> None:
    await redis.xadd(STREAM, {"event": body if isinstance(body, bytes) else json.dumps(body)})


async def is_read(redis: Redis) -> bool:
    """Tell whether all that was put there is done with."""
    (group,) = await redis.xinfo_groups(STREAM)
    return await redis.xlen(STREAM) == 0 and group["pending"] == 0


async def read_up(redis: Redis) -> None:
    await eventually(lambda: is_read(redis))


async def put_aside(redis: Redis) -> list[dict[bytes, bytes]]:
    """Return what was rejected."""
    entries: Any = await redis.xrange(REJECTED)
    return [fields for _, fields in entries]


async def test_an_event_of_the_stream_is_carried_out_as_if_posted(
    world: World, redis: Redis
) -> None:
    shop = await world.shop()
    follower = await world.follower(shop)
    await put(redis, event("listing.created", listing(shop.id, "Sourdough")))
    (told,) = await world.told(follower)
    assert told["data"]["listing_name"] == "Sourdough"
    await read_up(redis)


async def test_the_same_id_twice_is_carried_out_once(world: World, redis: Redis) -> None:
    shop = await world.shop()
    follower = await world.follower(shop)
    one = event("listing.created", listing(shop.id))
    for _ in range(3):
        await put(redis, one)
    await world.told(follower)
    await read_up(redis)
    await world.post_listing(shop, "The last")
    assert [row["data"]["listing_name"] for row in await world.told(follower, 2)] == [
        "The last",
        "Margherita",
    ]


async def test_what_the_stream_says_and_what_a_sender_posts_are_two_things(
    world: World, redis: Redis
) -> None:
    shop = await world.shop()
    follower = await world.follower(shop)
    one = event("listing.created", listing(shop.id))
    await put(redis, one)
    assert (await world.events([one])).body == {"accepted": 1, "duplicates": 0}
    await world.told(follower, 2)


@pytest.mark.timeout(seconds=180)
async def test_more_at_once_than_one_round_takes_are_all_taken(
    service: Service, redis: Redis
) -> None:
    ids = [uuid4() for _ in range(ENTRIES_AT_ONCE + 100)]
    pipeline = redis.pipeline(transaction=False)
    for user_id in ids:
        pipeline.xadd(STREAM, {"event": json.dumps(event("user.registered", user(user_id)))})
    await pipeline.execute()
    await read_up(redis)

    async def all_are_known() -> bool:
        return len(await service.stores.users.names(ids)) == len(ids)

    await eventually(all_are_known, within_s=40)


BAD = {
    "no JSON": (b"{", "event: Not valid JSON"),
    "not an object": (b"[]", "body: Invalid input type"),
    "a batch": (json.dumps({"events": []}).encode(), "events: Unknown field"),
    "no id": (
        json.dumps({**event("user.updated", data_of("user.updated")), "id": ""}).encode(),
        "id: ",
    ),
    "a type of nobody": (json.dumps(event("user.hired", {})).encode(), "type: Must be one of"),
    "a type of our own": (
        json.dumps(event("business_update.posted", {})).encode(),
        "type: Must be one of",
    ),
    "bad data": (
        json.dumps(event("listing.created", data_of("listing.created", price=LEFT_OUT))).encode(),
        "data.price: Missing data",
    ),
    "too long": (b'"' + b"x" * ENTRY_LIMIT_BYTES + b'"', "event: Longer than"),
}


@pytest.mark.parametrize(("text", "reason"), BAD.values(), ids=BAD)
async def test_what_is_no_event_is_put_aside_with_its_reason_and_stops_nobody(
    world: World, redis: Redis, text: bytes, reason: str
) -> None:
    shop = await world.shop()
    follower = await world.follower(shop)
    await put(redis, text)
    await put(redis, event("listing.created", listing(shop.id)))
    await world.told(follower)
    await read_up(redis)
    (rejected,) = await put_aside(redis)
    assert rejected[b"event"] == text
    assert reason in rejected[b"reason"].decode()


async def test_an_entry_without_an_event_is_put_aside_whole(world: World, redis: Redis) -> None:
    await redis.xadd(STREAM, {"evnt": "{}"})
    await read_up(redis)
    (rejected,) = await put_aside(redis)
    assert json.loads(rejected[b"event"]) == {"evnt": "{}"}
    assert rejected[b"reason"] == b"event: Missing field of the entry."


async def test_a_redis_that_was_flushed_is_read_again(world: World, redis: Redis) -> None:
    shop = await world.shop()
    follower = await world.follower(shop)
    await redis.delete(STREAM)
    await put(redis, event("listing.created", listing(shop.id)))
    await world.told(follower)


async def test_an_event_with_a_picture_of_ours_that_is_not_there_is_put_aside(
    world: World, redis: Redis, service: Service
) -> None:
    shop = await world.shop()
    url = service.url(f"/images/{uuid4()}.png")
    await put(redis, event("listing.created", listing(shop.id, image_url=url)))
    await read_up(redis)
    (rejected,) = await put_aside(redis)
    assert rejected[b"reason"] == b"data.image_url: There is no such image"
