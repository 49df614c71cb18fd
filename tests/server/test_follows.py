"""Following businesses (contract section 2.3)."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pymongo
import pytest

from rules.ids import follow_id
from server.service import Service
from storage.businesses import BusinessChange
from tests.support.api import Answer, Api
from tests.support.world import Person, World

FOLLOW = "/api/follow/"
FOLLOWING = "/api/following/"
LIMIT = 100


async def follow(api: Api, person: Person, business_id: UUID | str, path: str = FOLLOW) -> Answer:
    return await api.post(path, person.token, {"business_id": str(business_id)})


async def unfollow(api: Api, person: Person, business_id: UUID | str) -> Answer:
    return await api.delete(f"/api/unfollow/{business_id}/", person.token)


async def some_businesses(service: Service, count: int) -> list[UUID]:
    """Make businesses without a word to anybody."""
    ids = [uuid4() for _ in range(count)]
    await service.stores.businesses.apply(
        [
            BusinessChange(id_, {"owner_id": str(uuid4()), "name": f"Shop {n}"}, datetime.now(UTC))
            for n, id_ in enumerate(ids)
        ]
    )
    return ids


async def following(api: Api, person: Person, query: str = "") -> dict[str, Any]:
    answer = await api.get(f"{FOLLOWING}{query}", person.token)
    assert answer.status == 200, answer.body
    page: dict[str, Any] = answer.body
    return page


@pytest.mark.parametrize("path", [FOLLOW, FOLLOW.rstrip("/")])
@pytest.mark.parametrize("user_type", ["customer", "ngo"])
async def test_a_follow_is_201_and_names_the_business(
    world: World, path: str, user_type: str
) -> None:
    shop = await world.shop(name="Mario's", logo="https://img.example/mario.png")
    person = await world.person(user_type)
    answer = await follow(world.api, person, shop.id, path)
    assert (answer.status, answer.body) == (
        201,
        {
            "message": "Successfully followed business",
            "follower_id": str(follow_id(shop.id, person.id)),
            "created": True,
            "business": {
                "id": str(shop.id),
                "name": "Mario's",
                "logo": "https://img.example/mario.png",
            },
        },
    )


async def test_a_restored_follow_says_created_false_and_keeps_its_id(world: World) -> None:
    shop, person = await world.shop(), await world.person()
    first = await follow(world.api, person, shop.id)
    await world.unfollow(person, shop)
    restored = await follow(world.api, person, shop.id)
    assert restored.status == 201
    assert restored.body == first.body | {"created": False}


async def test_who_is_not_registered_yet_can_follow(
    api: Api, service: Service, person: Person
) -> None:
    (business_id,) = await some_businesses(service, 1)
    assert (await follow(api, person, business_id)).status == 201
    assert (await following(api, person))["count"] == 1


async def test_following_twice_is_409(world: World) -> None:
    shop, person = await world.shop(), await world.person()
    await world.follow(person, shop)
    again = await follow(world.api, person, shop.id)
    assert (again.status, again.error["code"]) == (409, "ALREADY_FOLLOWING")
    assert again.error["details"] == {"business_id": str(shop.id)}
    (entry,) = (await following(world.api, person))["results"]
    assert entry["business"]["followers_count"] == 1


async def test_a_business_that_is_not_there_is_404_and_named(api: Api, person: Person) -> None:
    nowhere = uuid4()
    answer = await follow(api, person, nowhere)
    assert (answer.status, answer.error["code"]) == (404, "BUSINESS_NOT_FOUND")
    assert answer.error["details"] == {"business_id": str(nowhere)}
    assert (await following(api, person))["count"] == 0


@pytest.mark.parametrize("user_type", ["provider", "admin"])
async def test_providers_and_admins_follow_nobody(world: World, user_type: str) -> None:
    shop, person = await world.shop(), await world.person(user_type)
    answers = [
        await follow(world.api, person, shop.id),
        await unfollow(world.api, person, shop.id),
        await world.api.get(FOLLOWING, person.token),
    ]
    assert [(answer.status, answer.error["code"]) for answer in answers] == [
        (403, "PERMISSION_DENIED")
    ] * 3


@pytest.mark.parametrize("given", ["mario", "", None, 7, ["x"]])
async def test_a_bad_business_id_is_400_and_named(api: Api, person: Person, given: Any) -> None:
    answer = await api.post(FOLLOW, person.token, {"business_id": given})
    assert (answer.status, list(answer.error["details"])) == (400, ["business_id"])


async def test_no_business_id_is_400_and_named(api: Api, person: Person) -> None:
    answer = await api.post(FOLLOW, person.token, {})
    assert answer.error["details"] == {"business_id": ["Missing data for required field."]}


@pytest.mark.parametrize("slash", ["/", ""])
async def test_an_unfollow_ends_the_follow(world: World, slash: str) -> None:
    shop = await world.shop()
    person = await world.follower(shop)
    answer = await world.api.delete(f"/api/unfollow/{shop.id}{slash}", person.token)
    assert (answer.status, answer.body) == (200, {"message": "Successfully unfollowed business"})
    assert (await following(world.api, person))["count"] == 0


async def test_unfollowing_what_one_does_not_follow_is_404(world: World) -> None:
    shop = await world.shop()
    person, other = await world.person(), await world.follower(shop)
    for business_id in (shop.id, uuid4()):
        answer = await unfollow(world.api, person, business_id)
        assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")
    await world.unfollow(other, shop)
    assert (await unfollow(world.api, other, shop.id)).status == 404


async def test_a_hundred_and_first_follow_is_422_until_one_is_given_up(
    api: Api, service: Service, person: Person, mongodb_uri: str, database_name: str
) -> None:
    shops = await some_businesses(service, LIMIT + 1)
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri, uuidRepresentation="standard") as client:
        client[database_name]["users"].insert_one(
            {"_id": person.id, "user_type": "customer", "following": shops[: LIMIT - 1]}
        )
    assert (await follow(api, person, shops[LIMIT - 1])).status == 201
    refused = await follow(api, person, shops[LIMIT])
    assert (refused.status, refused.error["code"]) == (422, "FOLLOW_LIMIT_EXCEEDED")
    assert refused.error["details"] == {"limit": LIMIT}
    full = await follow(api, person, shops[0])
    assert full.status == 409, "what is followed already is no question of the limit"
    assert (await following(api, person, "?page_size=1"))["count"] == LIMIT
    await unfollow(api, person, shops[0])
    assert (await follow(api, person, shops[LIMIT])).status == 201


async def test_fifty_follows_at_once_stop_exactly_at_a_hundred(
    api: Api, service: Service, person: Person, mongodb_uri: str, database_name: str
) -> None:
    shops = await some_businesses(service, LIMIT + 30)
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri, uuidRepresentation="standard") as client:
        client[database_name]["users"].insert_one(
            {"_id": person.id, "user_type": "customer", "following": shops[: LIMIT - 20]}
        )
    answers = await asyncio.gather(
        *(follow(api, person, business_id) for business_id in shops[LIMIT - 20 :])
    )
    assert Counter(answer.status for answer in answers) == {201: 20, 422: 30}
    assert (await following(api, person, "?page_size=1"))["count"] == LIMIT


async def test_the_list_shows_each_business_whole_and_the_latest_first(
    world: World, service: Service
) -> None:
    person = await world.person()
    first = await world.shop(
        name="First",
        logo="https://img.example/1.png",
        address="1 Long Street",
        rating=4.5,
    )
    second = await world.shop(name="Second")
    for shop in (first, second):
        await world.follow(person, shop)
    other = await world.follower(first)
    for _ in range(2):
        await world.post_listing(first)
    await world.told(person, 2)
    await world.told(other, 2)
    page = await following(world.api, person)
    assert (page["count"], page["next"], page["previous"]) == (2, None, None)
    newest, oldest = page["results"]
    followed_at = oldest.pop("followed_at")
    assert followed_at.endswith("Z")
    assert abs(datetime.now(UTC) - datetime.fromisoformat(followed_at)) < timedelta(minutes=1)
    assert oldest == {
        "id": str(follow_id(first.id, person.id)),
        "business": {
            "id": str(first.id),
            "name": "First",
            "logo": "https://img.example/1.png",
            "address": "1 Long Street",
            "rating": 4.5,
            "followers_count": 2,
        },
        "notification_count": 2,
    }
    assert newest["business"] == {
        "id": str(second.id),
        "name": "Second",
        "logo": None,
        "address": None,
        "rating": None,
        "followers_count": 1,
    }
    assert newest["notification_count"] == 0
    assert newest["followed_at"] > followed_at


async def test_the_count_of_followers_goes_down_with_an_unfollow(world: World) -> None:
    shop = await world.shop()
    stays, goes = await world.follower(shop), await world.follower(shop)
    await world.unfollow(goes, shop)
    (entry,) = (await following(world.api, stays))["results"]
    assert entry["business"]["followers_count"] == 1


async def test_a_restored_follow_is_the_latest(world: World) -> None:
    person = await world.person()
    shops = [await world.shop(), await world.shop()]
    for shop in shops:
        await world.follow(person, shop)
    before = (await following(world.api, person))["results"][1]
    await world.unfollow(person, shops[0])
    await world.follow(person, shops[0])
    after = (await following(world.api, person))["results"][0]
    assert after["id"] == before["id"]
    assert after["followed_at"] > before["followed_at"]


async def test_the_list_is_paged(api: Api, service: Service, person: Person) -> None:
    shops = await some_businesses(service, 5)
    for business_id in shops:
        await follow(api, person, business_id)
    seen: list[str] = []
    url: str | None = f"{FOLLOWING}?page_size=2"
    while url is not None:
        page = (await api.get(url, person.token)).body
        assert page["count"] == 5
        seen += [entry["business"]["id"] for entry in page["results"]]
        url = page["next"]
    assert seen == [str(id_) for id_ in reversed(shops)]
    past = await following(api, person, "?page_size=2&page=4")
    assert past["results"] == []
    assert past["previous"] == f"{api.base_url}{FOLLOWING}?page_size=2&page=3"


async def test_the_list_answers_the_same_without_the_last_slash(api: Api, person: Person) -> None:
    answer = await api.get(FOLLOWING[:-1], person.token)
    assert (answer.status, answer.body) == (
        200,
        {"count": 0, "next": None, "previous": None, "results": []},
    )


@pytest.mark.parametrize("query", ["page=0", "page_size=0", "page_size=101", "page=x"])
async def test_a_bad_page_is_400_and_named(api: Api, person: Person, query: str) -> None:
    answer = await api.get(f"{FOLLOWING}?{query}", person.token)
    assert (answer.status, list(answer.error["details"])) == (400, [query.partition("=")[0]])
