"""Who gets in by the socket, how, for how long, and what the others are told."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from actors.connection import CloseCode
from server.service import Service
from tests.server.admission import refused, success
from tests.support.api import token
from tests.support.relay import directly, relayed
from tests.support.service import running
from tests.support.sockets import Socket
from tests.support.world import Person, World, eventually

PATH = "/ws/notifications/"
ROLES = ["customer", "ngo", "provider", "admin"]


async def test_the_first_message_authenticates(base_url: str, person: Person) -> None:
    socket = await Socket.open(base_url)
    await socket.send(type="authenticate", token=person.token)
    assert await socket.next() == success(person)
    await socket.nothing_more()
    socket.close()


async def test_the_answer_repeats_the_ref(base_url: str, person: Person) -> None:
    socket = await Socket.open(base_url)
    await socket.send(type="authenticate", token=person.token, ref="hello")
    assert await socket.next() == success(person, ref="hello")
    socket.close()


async def test_the_authorization_header_authenticates(base_url: str, person: Person) -> None:
    socket = await Socket.open(base_url, headers={"Authorization": f"Bearer {person.token}"})
    assert await socket.next() == success(person)
    socket.close()


async def test_the_subprotocol_authenticates_and_the_token_is_not_repeated(
    base_url: str, person: Person
) -> None:
    socket = await Socket.open(base_url, subprotocols=["bearer", person.token])
    assert await socket.next() == success(person)
    assert socket.subprotocol == "bearer"
    socket.close()


async def test_the_header_comes_before_the_subprotocol(base_url: str, person: Person) -> None:
    socket = await Socket.open(
        base_url,
        headers={"Authorization": f"Bearer {person.token}"},
        subprotocols=["bearer", "garbage"],
    )
    assert await socket.next() == success(person)
    socket.close()


@pytest.mark.parametrize("user_type", ROLES)
async def test_who_has_an_inbox_gets_in(base_url: str, user_type: str) -> None:
    user_id = uuid4()
    socket = await Socket.open(base_url)
    await socket.send(type="authenticate", token=token(user_id, user_type))
    assert (await socket.next())["user_id"] == str(user_id)
    socket.close()


async def test_one_may_name_oneself_in_the_path(base_url: str, person: Person) -> None:
    for named in (f"{PATH}{person.id}/", f"{PATH}{person.id}", f"{PATH}{str(person.id).upper()}/"):
        socket = await Socket.open(base_url, path=named)
        await socket.send(type="authenticate", token=person.token)
        assert await socket.next() == success(person)
        socket.close()


async def test_the_unread_count_is_told_at_once(world: World) -> None:
    shop = await world.shop()
    follower = await world.follower(shop)
    await world.post_listing(shop)
    await world.told(follower)
    socket = await Socket.open(world.api.base_url)
    await socket.send(type="authenticate", token=follower.token)
    assert await socket.next() == success(follower) | {"unread_count": 1}
    await socket.nothing_more()
    socket.close()


BAD_TOKENS = {
    "garbage": "garbage",
    "empty": "",
    "expired": token(expires_in_s=-1),
    "another secret": token(secret="another secret, just as long as the first one"),
}


@pytest.mark.parametrize("bad", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
async def test_a_bad_token_in_the_first_message_is_4401(base_url: str, bad: str) -> None:
    socket = await Socket.open(base_url)
    await socket.send(type="authenticate", token=bad, ref="7")
    assert await refused(socket, CloseCode.UNAUTHORIZED, ref="7") == "UNAUTHORIZED"


@pytest.mark.parametrize("header", ["Bearer garbage", "Bearer", "Basic eDp5"])
async def test_a_bad_authorization_header_is_4401(base_url: str, header: str) -> None:
    socket = await Socket.open(base_url, headers={"Authorization": header})
    assert await refused(socket, CloseCode.UNAUTHORIZED) == "UNAUTHORIZED"


@pytest.mark.parametrize("offered", [["bearer", "garbage"], ["bearer"]])
async def test_a_bad_subprotocol_is_4401(base_url: str, offered: list[str]) -> None:
    socket = await Socket.open(base_url, subprotocols=offered)
    assert await refused(socket, CloseCode.UNAUTHORIZED) == "UNAUTHORIZED"


async def test_a_token_in_the_url_authenticates_nobody(base_url: str, person: Person) -> None:
    socket = await Socket.open(base_url, path=f"{PATH}?token={person.token}")
    await socket.send(type="ping")
    assert await refused(socket, CloseCode.UNAUTHORIZED) == "UNAUTHORIZED"


@pytest.mark.parametrize(
    "first",
    [
        {"type": "ping"},
        {"type": "sync", "since": None},
        {"type": "mark_all_read"},
        {"type": "mark_read", "notification_ids": [str(uuid4())]},
    ],
    ids=lambda first: str(first["type"]),
)
async def test_anything_before_authenticate_is_4401(base_url: str, first: dict[str, Any]) -> None:
    socket = await Socket.open(base_url)
    await socket.send(**first)
    assert await refused(socket, CloseCode.UNAUTHORIZED) == "UNAUTHORIZED"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '"authenticate"', '{"type": "authenticate"}', '{"type": "hello"}']
)
async def test_a_bad_first_message_is_4401_and_says_what_is_wrong(base_url: str, text: str) -> None:
    socket = await Socket.open(base_url)
    await socket.send_text(text)
    assert await refused(socket, CloseCode.UNAUTHORIZED) == "VALIDATION_ERROR"


async def test_somebody_elses_path_is_4403(base_url: str, person: Person) -> None:
    socket = await Socket.open(base_url, path=f"{PATH}{uuid4()}/")
    await socket.send(type="authenticate", token=person.token)
    assert await refused(socket, CloseCode.PERMISSION_DENIED) == "PERMISSION_DENIED"


async def test_a_service_has_no_inbox_and_is_4403(base_url: str) -> None:
    bearer = token(user_type="service")
    socket = await Socket.open(base_url, headers={"Authorization": f"Bearer {bearer}"})
    assert await refused(socket, CloseCode.PERMISSION_DENIED) == "PERMISSION_DENIED"


async def test_nothing_is_sent_before_success(world: World) -> None:
    shop = await world.shop()
    follower = await world.follower(shop)
    silent = await Socket.open(world.api.base_url, path=f"{PATH}{follower.id}/")
    known = await world.connect(follower)
    await world.post_listing(shop)
    await known.expect("notification.new")
    await silent.send(type="authenticate", token=follower.token)
    assert await silent.next() == success(follower) | {"unread_count": 1}
    known.close()
    silent.close()


async def test_what_is_sent_after_a_refusal_is_not_carried_out(world: World) -> None:
    """The messages are on their way before the client can know that it was refused."""
    shop = await world.shop()
    follower = await world.follower(shop)
    await world.post_listing(shop)
    (told,) = await world.told(follower)
    socket = await Socket.open(world.api.base_url)
    for message in (
        {"type": "ping"},
        {"type": "authenticate", "token": follower.token},
        {"type": "mark_read", "notification_ids": [told["id"]]},
    ):
        await socket.send(**message)
    assert await refused(socket, CloseCode.UNAUTHORIZED) == "UNAUTHORIZED"
    witness = await world.connect(follower)
    await witness.nothing_more()
    assert (await world.inbox(follower))["unread_count"] == 1
    witness.close()


async def test_who_leaves_before_authenticating_leaves_nothing_behind(
    base_url: str, service: Service
) -> None:
    async def is_empty() -> bool:
        return len(service.directory) == 0

    socket = await Socket.open(base_url)
    socket.cut()
    connected = await Socket.authenticated(base_url, token())
    connected.cut()
    await eventually(is_empty)


async def test_while_the_store_is_away_nobody_gets_in_and_all_are_told_why(
    mongodb_uri: str, redis_url: str, database_name: str, person: Person
) -> None:
    with relayed(mongodb_uri) as store:
        uri = directly(store.url)
        variables = {"SNB_INSTANCE": "test:away"}
        async with running(uri, redis_url, database_name, **variables) as service:
            store.vanish()
            socket = await Socket.open(service.settings.public_url)
            await socket.send(type="authenticate", token=person.token)
            assert await refused(socket, CloseCode.TRY_AGAIN_LATER) == "UNAVAILABLE"
            store.appear()
