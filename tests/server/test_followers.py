"""A business's own followers (contract section 2.3)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from rules.ids import follow_id
from server.service import Service
from storage.businesses import BusinessChange
from tests.server.inboxes import keep
from tests.support.api import Api, token
from tests.support.world import World

FOLLOWERS = "/api/followers/"


async def followers(api: Api, bearer: str, query: str = "") -> dict[str, Any]:
    answer = await api.get(f"{FOLLOWERS}{query}", bearer)
    assert answer.status == 200, answer.body
    page: dict[str, Any] = answer.body
    return page


async def test_a_follower_is_shown_whole(world: World) -> None:
    shop = await world.shop()
    person = await world.follower(
        shop, "ngo", name="Food Forward", profile_image="https://img.example/ff.png"
    )
    page = await followers(world.api, shop.owner.token)
    (entry,) = page["results"]
    followed_at = entry.pop("followed_at")
    assert followed_at.endswith("Z")
    assert abs(datetime.now(UTC) - datetime.fromisoformat(followed_at)) < timedelta(minutes=1)
    assert (page["count"], page["next"], page["previous"]) == (1, None, None)
    assert entry == {
        "id": str(follow_id(shop.id, person.id)),
        "user": {
            "id": str(person.id),
            "name": "Food Forward",
            "user_type": "ngo",
            "profile_image": "https://img.example/ff.png",
        },
        "engagement_score": 0.0,
    }


async def test_the_latest_follow_comes_first_and_a_restored_one_is_the_latest(world: World) -> None:
    shop = await world.shop()
    first, second = await world.follower(shop), await world.follower(shop)
    await world.unfollow(first, shop)
    assert (await followers(world.api, shop.owner.token))["count"] == 1
    await world.follow(first, shop)
    page = await followers(world.api, shop.owner.token)
    assert [entry["user"]["id"] for entry in page["results"]] == [str(first.id), str(second.id)]


async def test_the_list_is_paged_and_keeps_the_filter(world: World) -> None:
    shop = await world.shop()
    ngos = [await world.follower(shop, "ngo") for _ in range(5)]
    customer = await world.follower(shop)
    seen: list[str] = []
    url: str | None = f"{FOLLOWERS}?page_size=2&user_type=ngo"
    while url is not None:
        page = (await world.api.get(url, shop.owner.token)).body
        assert page["count"] == 5
        seen += [entry["user"]["id"] for entry in page["results"]]
        url = page["next"]
    assert seen == [str(person.id) for person in reversed(ngos)]
    page = await followers(world.api, shop.owner.token, "?user_type=customer")
    assert [entry["user"]["id"] for entry in page["results"]] == [str(customer.id)]
    past = await followers(world.api, shop.owner.token, "?page_size=2&page=9")
    assert (past["count"], past["results"]) == (6, [])


async def test_a_page_has_fifty_unless_told_otherwise(world: World) -> None:
    shop = await world.shop()
    people = await world.people(51)
    await asyncio.gather(*(world.follow(person, shop) for person in people))
    page = await followers(world.api, shop.owner.token)
    assert (page["count"], len(page["results"])) == (51, 50)
    assert page["next"] == f"{world.api.base_url}{FOLLOWERS}?page=2"


async def test_the_score_is_what_was_read_and_clicked_of_the_last_90_days(
    world: World, service: Service
) -> None:
    shop = await world.shop()
    keen, idle = await world.follower(shop), await world.follower(shop)
    today = datetime.now(UTC) - timedelta(minutes=1)
    recent = {"business_id": shop.id, "created_at": today}
    long_ago = {"business_id": shop.id, "created_at": today - timedelta(days=91)}
    is_read = {"is_read": True, "read_at": today}
    await keep(service, keen, recent | is_read, recent, long_ago, long_ago)
    await keep(service, idle, recent, long_ago | is_read)
    page = await followers(world.api, shop.owner.token)
    scores = {entry["user"]["id"]: entry["engagement_score"] for entry in page["results"]}
    assert scores == {str(keen.id): 3.5, str(idle.id): 0.0}


async def test_the_token_says_which_business_it_is_about(world: World) -> None:
    shop = await world.shop()
    await world.follower(shop)
    staff = token(user_type="provider", business_id=str(shop.id))
    assert (await followers(world.api, staff))["count"] == 1


async def test_of_several_own_businesses_the_token_chooses(world: World, service: Service) -> None:
    shop = await world.shop()
    await world.follower(shop)
    second = uuid4()
    fields = {"owner_id": str(shop.owner.id), "name": "Second"}
    await service.stores.businesses.apply([BusinessChange(second, fields, datetime.now(UTC))])
    for business_id, count in ((shop.id, 1), (second, 0)):
        bearer = token(shop.owner.id, "provider", business_id=str(business_id))
        assert (await followers(world.api, bearer))["count"] == count
    lowest_has = 1 if shop.id < second else 0
    assert (await followers(world.api, shop.owner.token))["count"] == lowest_has


async def test_a_provider_without_a_business_is_404(api: Api) -> None:
    answer = await api.get(FOLLOWERS, token(user_type="provider"))
    assert (answer.status, answer.error["code"]) == (404, "BUSINESS_NOT_FOUND")
    assert answer.error["details"] == {}


async def test_a_business_that_no_event_told_of_is_404_and_named(api: Api) -> None:
    business_id = str(uuid4())
    answer = await api.get(FOLLOWERS, token(user_type="provider", business_id=business_id))
    assert (answer.status, answer.error["code"]) == (404, "BUSINESS_NOT_FOUND")
    assert answer.error["details"] == {"business_id": business_id}


@pytest.mark.parametrize(
    "query", ["page=0", "page_size=0", "page_size=101", "page=x", "user_type=provider"]
)
async def test_a_bad_query_is_400_and_named(world: World, query: str) -> None:
    shop = await world.shop()
    answer = await world.api.get(f"{FOLLOWERS}?{query}", shop.owner.token)
    assert (answer.status, list(answer.error["details"])) == (400, [query.partition("=")[0]])
