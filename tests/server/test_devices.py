"""Devices (contract section 2.4)."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from server.auth import INBOX_OWNERS
from tests.support.api import AN_ID, Answer, Api, token
from tests.support.world import Person

DEVICES = "/api/devices/"
FIELDS = {
    *("id", "platform", "name", "is_active", "token_hint", "created_at", "last_used_at"),
}


def somebody(user_type: str = "customer") -> Person:
    user_id = uuid4()
    return Person(user_id, token(user_id, user_type))


def a_token() -> str:
    return f"c{uuid4().hex}:APA91b{uuid4().hex}"


async def register(api: Api, person: Person, device_token: str, **fields: Any) -> Answer:
    body = {"device_token": device_token, "platform": "android", **fields}
    answer = await api.post(DEVICES, person.token, body)
    assert answer.status in (200, 201), answer.body
    assert device_token not in str(answer.body)
    return answer


async def devices_of(api: Api, person: Person, query: str = "") -> dict[str, Any]:
    answer = await api.get(DEVICES + query, person.token)
    assert answer.status == 200
    assert set(answer.body) == {"count", "next", "previous", "results"}
    page: dict[str, Any] = answer.body
    return page


@pytest.mark.parametrize("path", [DEVICES, DEVICES.rstrip("/")])
@pytest.mark.parametrize("user_type", sorted(INBOX_OWNERS))
async def test_every_owner_of_an_inbox_has_devices(api: Api, path: str, user_type: str) -> None:
    person, device_token = somebody(user_type), a_token()
    body = {"device_token": device_token, "platform": "web", "name": "  Laptop\x00 "}
    answer = await api.post(path, person.token, body)
    assert answer.status == 201
    device = answer.body
    assert set(device) == FIELDS
    assert str(UUID(device["id"])) == device["id"]
    assert (device["platform"], device["name"], device["is_active"]) == ("web", "Laptop", True)
    assert device["token_hint"] == "…" + device_token[-4:]
    assert device["created_at"] == device["last_used_at"]
    listed = await api.get(path, person.token)
    assert listed.body == {"count": 1, "next": None, "previous": None, "results": [device]}
    gone = await api.delete(f"{path}/{device['id']}".replace("//", "/"), person.token)
    assert (gone.status, gone.body) == (200, {"message": "Device deleted successfully"})
    assert (await devices_of(api, person))["count"] == 0


async def test_a_service_has_none(api: Api) -> None:
    answer = await api.post(
        DEVICES, somebody("service").token, {"device_token": "t", "platform": "ios"}
    )
    assert answer.status == 403


async def test_the_same_token_again_answers_200_and_says_what_is_new(api: Api) -> None:
    person, device_token = somebody(), a_token()
    first = await register(api, person, device_token, name="Old phone")
    again = await register(api, person, device_token, platform="ios")
    assert (first.status, again.status) == (201, 200)
    changed = {"platform": "ios", "last_used_at": again.body["last_used_at"]}
    assert again.body == first.body | changed
    assert again.body["last_used_at"] > first.body["last_used_at"]
    renamed = await register(api, person, device_token, name="New phone")
    assert (renamed.status, renamed.body["name"]) == (200, "New phone")
    assert (await devices_of(api, person))["results"] == [renamed.body]


async def test_a_name_is_optional_and_can_be_taken_back(api: Api) -> None:
    person, device_token = somebody(), a_token()
    assert (await register(api, person, device_token)).body["name"] is None
    assert (await register(api, person, device_token, name="Phone")).body["name"] == "Phone"
    assert (await register(api, person, device_token, name=None)).body["name"] is None


async def test_a_token_moves_to_whoever_signs_in_on_the_device(api: Api) -> None:
    before, after, device_token = somebody(), somebody(), a_token()
    theirs = (await register(api, before, device_token, name="Ours")).body
    moved = await register(api, after, device_token)
    assert moved.status == 201
    assert moved.body["id"] != theirs["id"]
    assert moved.body["name"] is None
    assert (await devices_of(api, before))["count"] == 0
    assert (await devices_of(api, after))["results"] == [moved.body]


async def test_a_token_that_many_register_at_once_has_one_owner(api: Api) -> None:
    people, device_token = [somebody() for _ in range(8)], a_token()
    answers = await asyncio.gather(*(register(api, person, device_token) for person in people))
    assert {answer.status for answer in answers} == {201}
    pages = [await devices_of(api, person) for person in people]
    assert sum(page["count"] for page in pages) == 1


async def test_devices_come_in_pages_newest_first(api: Api) -> None:
    person = somebody()
    ids = [(await register(api, person, a_token())).body["id"] for _ in range(3)]
    first = await devices_of(api, person, "?page_size=2")
    assert first["count"] == 3
    assert [device["id"] for device in first["results"]] == [ids[2], ids[1]]
    assert first["next"] == f"{api.base_url}{DEVICES}?page_size=2&page=2"
    second = await devices_of(api, person, "?page_size=2&page=2")
    assert [device["id"] for device in second["results"]] == [ids[0]]
    assert second["next"] is None
    assert (await devices_of(api, person, "?page=9"))["results"] == []


async def test_the_one_used_longest_ago_makes_room_for_the_twenty_first(api: Api) -> None:
    person = somebody()
    ids = [(await register(api, person, a_token())).body["id"] for _ in range(21)]
    page = await devices_of(api, person, "?page_size=100")
    assert [device["id"] for device in page["results"]] == ids[:0:-1]


async def test_a_device_of_somebody_else_is_not_there(api: Api) -> None:
    person = somebody()
    device = (await register(api, person, a_token())).body
    for other in (somebody(), somebody("admin")):
        answer = await api.delete(f"{DEVICES}{device['id']}/", other.token)
        assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")
    assert (await devices_of(api, person))["results"] == [device]


async def test_a_device_that_is_gone_is_not_there(api: Api) -> None:
    person = somebody()
    path = f"{DEVICES}{(await register(api, person, a_token())).body['id']}/"
    assert [(await api.delete(path, person.token)).status for _ in range(2)] == [200, 404]
    assert (await api.delete(f"{DEVICES}{uuid4()}/", person.token)).status == 404


NO_TOKENS: list[Any] = ["", " ", "a b", "tok\n", "tökén", "\x00", "x" * 4_097, 1, None, [], {}]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        *(({"device_token": value}, "device_token") for value in NO_TOKENS),
        *(({"platform": value}, "platform") for value in ("", "windows", "IOS", 1, None, ["ios"])),
        *(({"name": value}, "name") for value in ("", "\x00", " ", "x" * 101, 1, ["a"])),
        ({"user_id": str(AN_ID)}, "user_id"),
        ({"is_active": True}, "is_active"),
    ],
    ids=lambda value: ascii(value)[:40],
)
async def test_what_is_not_valid_is_refused_by_name(
    api: Api, fields: dict[str, Any], field: str
) -> None:
    person = somebody()
    body = {"device_token": a_token(), "platform": "android", **fields}
    answer = await api.post(DEVICES, person.token, body)
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
    assert set(answer.error["details"]) == {field}
    assert (await devices_of(api, person))["count"] == 0


@pytest.mark.parametrize("missing", ["device_token", "platform"])
async def test_what_is_missing_is_named(api: Api, missing: str) -> None:
    body = {"device_token": a_token(), "platform": "android"}
    del body[missing]
    answer = await api.post(DEVICES, somebody().token, body)
    assert (answer.status, set(answer.error["details"])) == (400, {missing})


async def test_a_token_may_be_as_long_as_the_provider_makes_it(api: Api) -> None:
    person = somebody()
    assert (await register(api, person, "x" * 4_096)).status == 201
