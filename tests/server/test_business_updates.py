"""What businesses write to their followers (contract section 2.1)."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from actors.business_updates import DAILY_UPDATES, Update
from server.service import Service
from tests.support.api import Answer, Api, token
from tests.support.service import running
from tests.support.world import Shop, World

UPDATES = "/api/business-updates/"
UPDATE = {"title": "Closed on Monday", "message": "We are back on Tuesday at 7."}


async def post(world: World, shop: Shop, **fields: Any) -> Answer:
    return await world.api.post(UPDATES, shop.owner.token, UPDATE | fields)


async def test_followers_and_nobody_else_are_told_what_was_written(world: World) -> None:
    shop = await world.shop(name="Corner Bakery", logo="https://img.example/logo.png")
    follower, other, gone = await world.follower(shop), await world.person(), await world.person()
    await world.follow(gone, shop)
    await world.unfollow(gone, shop)
    answer = await post(
        world,
        shop,
        message="Back on <b>Tuesday</b>",
        data={"week": 48, "days": ["Mon"]},
        image_url="https://img.example/closed.png",
    )
    assert (answer.status, answer.body) == (202, {"followers": 1})
    (told,) = await world.told(follower)
    assert told["notification_type"] == "business_update"
    assert (told["title"], told["message"]) == ("Closed on Monday", "Back on <b>Tuesday</b>")
    assert told["data"] == {"week": 48, "days": ["Mon"]}
    assert told["image_url"] == "https://img.example/closed.png"
    assert told["business"]["id"] == str(shop.id)
    assert told["sender"] == {
        "id": str(shop.owner.id),
        "name": "Corner Bakery",
        "user_type": "provider",
    }
    for person in (other, gone, shop.owner):
        assert (await world.inbox(person))["count"] == 0


async def test_a_sixth_update_of_a_day_is_429_until_the_day_ends(world: World) -> None:
    shop = await world.shop()
    await world.prefer(shop.owner, timezone="Pacific/Auckland")
    follower = await world.follower(shop)
    for number in range(DAILY_UPDATES):
        assert (await post(world, shop, title=f"Number {number}")).status == 202
    refused = await post(world, shop)
    assert (refused.status, refused.error["code"]) == (429, "RATE_LIMITED")
    assert refused.error["details"] == {"limit": DAILY_UPDATES}
    there = datetime.now(ZoneInfo("Pacific/Auckland"))
    midnight = datetime.combine(
        there.date() + timedelta(days=1), datetime.min.time(), ZoneInfo("Pacific/Auckland")
    )
    left_s = (midnight.astimezone(UTC) - datetime.now(UTC)).total_seconds()
    assert int(refused.headers["Retry-After"]) == pytest.approx(left_s, abs=15)
    told = await world.told(follower, DAILY_UPDATES)
    assert {entry["title"] for entry in told} == {f"Number {n}" for n in range(DAILY_UPDATES)}


async def test_thirty_updates_at_once_are_exactly_five(world: World) -> None:
    shop = await world.shop()
    follower = await world.follower(shop)
    answers = await asyncio.gather(
        *(post(world, shop, title=f"Number {number}") for number in range(30))
    )
    assert Counter(answer.status for answer in answers) == {202: 5, 429: 25}
    await world.told(follower, 5)


async def test_a_retry_under_an_idempotency_key_is_the_same_update(world: World) -> None:
    shop = await world.shop()
    follower = await world.follower(shop)
    headers = {"Idempotency-Key": uuid4().hex}
    for _ in range(3):
        answer = await world.api.post(UPDATES, shop.owner.token, UPDATE, headers=headers)
        assert (answer.status, answer.body) == (202, {"followers": 1})
    other = UPDATE | {"title": "Another"}
    reused = await world.api.post(UPDATES, shop.owner.token, other, headers=headers)
    assert (reused.status, reused.error["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    await post(world, shop, title="The last")
    told = await world.told(follower, 2)
    assert [row["title"] for row in told] == ["The last", UPDATE["title"]]


async def test_a_try_that_was_cut_off_is_found_by_the_next_and_posted_once(
    world: World, service: Service
) -> None:
    shop = await world.shop()
    follower = await world.follower(shop)
    business = await service.stores.businesses.get(shop.id)
    update = Update("Closed", "We are back soon.", {}, None)
    work_id, at = uuid4(), service.clock.store_now()

    async def attempt() -> None:
        await service.business_updates.post(
            work_id, business, update, timezone="Africa/Johannesburg", at=at
        )

    await asyncio.gather(*(attempt() for _ in range(4)))
    await attempt()
    for _ in range(DAILY_UPDATES - 1):
        assert (await post(world, shop)).status == 202
    assert (await post(world, shop)).status == 429
    await world.told(follower, DAILY_UPDATES)


async def test_the_limit_holds_across_processes(
    world: World, service: Service, mongodb_uri: str, redis_url: str, database_name: str
) -> None:
    shop = await world.shop()
    async with running(mongodb_uri, redis_url, database_name, SNB_INSTANCE="test:other") as other:
        api = Api(other.settings.public_url)
        answers = await asyncio.gather(
            *(each.post(UPDATES, shop.owner.token, UPDATE) for each in [world.api, api] * 10)
        )
        api.close()
    assert Counter(answer.status for answer in answers) == {202: 5, 429: 15}


async def test_each_business_has_its_own_day(world: World) -> None:
    spent, other = await world.shop(), await world.shop()
    for _ in range(DAILY_UPDATES):
        await post(world, spent)
    assert (await post(world, spent)).status == 429
    assert (await post(world, other)).status == 202


async def test_a_provider_without_a_business_is_404(world: World) -> None:
    answer = await world.api.post(UPDATES, token(user_type="provider"), UPDATE)
    assert (answer.status, answer.error["code"]) == (404, "BUSINESS_NOT_FOUND")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 121}, "title"),
        ({"message": "x" * 1_001}, "message"),
        ({"data": {"x": "y" * 4_096}}, "data"),
        ({"data": [1]}, "data"),
        ({"image_url": "javascript:alert(1)"}, "image_url"),
        ({"business_id": str(uuid4())}, "business_id"),
        ({"priority": "critical"}, "priority"),
    ],
)
async def test_bad_content_is_400_and_named_and_takes_no_place(
    world: World, fields: dict[str, Any], named: str
) -> None:
    shop = await world.shop()
    answer = await post(world, shop, **fields)
    assert (answer.status, list(answer.error["details"])) == (400, [named])
    for _ in range(DAILY_UPDATES):
        assert (await post(world, shop)).status == 202


async def test_the_platform_cannot_send_what_only_businesses_write(world: World) -> None:
    answer = await world.event("business_update.posted", {"business_id": str(uuid4())})
    assert (answer.status, list(answer.error["details"])) == (400, ["type"])
