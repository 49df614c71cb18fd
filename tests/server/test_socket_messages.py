"""What a client that is in may say, and what it is answered (contract section 4)."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pymongo
import pytest

from server.schemas.frames import SCHEMAS
from server.service import Service
from server.transport import SEND_BUFFER_BYTES
from tests.server.inboxes import keep, keep_unread
from tests.server.wire import Wire
from tests.support.api import token
from tests.support.sockets import Socket
from tests.support.world import Person, eventually


def test_these_messages_are_understood() -> None:
    assert set(SCHEMAS) == {
        "authenticate",
        "ping",
        "mark_read",
        "mark_all_read",
        "click",
        "sync",
    }


REFS = ["7", "", "x" * 128, 7, 0, -1, 2**53]


@pytest.mark.parametrize("ref", REFS, ids=lambda ref: repr(ref)[:8])
async def test_a_ping_is_answered_and_its_ref_repeated(socket: Socket, ref: str | int) -> None:
    await socket.send(type="ping", ref=ref)
    assert await socket.next() == {"type": "pong", "ref": ref}


@pytest.mark.parametrize("message", [{"type": "ping"}, {"type": "ping", "ref": None}])
async def test_without_a_ref_there_is_none_to_repeat(
    socket: Socket, message: dict[str, Any]
) -> None:
    await socket.send(**message)
    assert await socket.next() == {"type": "pong"}


async def test_messages_are_answered_in_their_order(socket: Socket) -> None:
    for ref in range(20):
        await socket.send(type="ping", ref=ref)
    assert [(await socket.next())["ref"] for _ in range(20)] == list(range(20))


BAD_MESSAGES = [
    pytest.param("", "message", None, id="nothing"),
    pytest.param("{", "message", None, id="no JSON"),
    pytest.param("[]", "message", None, id="no object"),
    pytest.param('"ping"', "message", None, id="a text"),
    pytest.param("{}", "type", None, id="no type"),
    pytest.param('{"type": null}', "type", None, id="no type, said so"),
    pytest.param('{"type": ["ping"]}', "type", None, id="a list for a type"),
    pytest.param('{"type": "pong", "ref": 1}', "type", 1, id="an unknown type"),
    pytest.param('{"type": "PING", "ref": 1}', "type", 1, id="a type in capitals"),
    pytest.param('{"type": "ping", "to": "me", "ref": "r"}', "to", "r", id="an unknown field"),
    pytest.param('{"type": "ping", "ref": [1]}', "ref", None, id="a list for a ref"),
    pytest.param('{"type": "ping", "ref": true}', "ref", None, id="a truth for a ref"),
    pytest.param('{"type": "ping", "ref": 1.5}', "ref", None, id="half a ref"),
    pytest.param(json.dumps({"type": "ping", "ref": "x" * 129}), "ref", None, id="a long ref"),
    pytest.param('{"type": "mark_read", "ref": 2}', "notification_ids", 2, id="no ids"),
    pytest.param(
        '{"type": "mark_read", "notification_ids": []}', "notification_ids", None, id="empty ids"
    ),
    pytest.param(
        '{"type": "mark_read", "notification_ids": ["7"]}',
        "notification_ids.0",
        None,
        id="an id that is none",
    ),
    pytest.param('{"type": "click", "ref": 2}', "notification_id", 2, id="a click on nothing"),
    pytest.param(
        json.dumps({"type": "click", "notification_id": str(uuid4()), "action": "x" * 65}),
        "action",
        None,
        id="a long action",
    ),
    pytest.param('{"type": "sync"}', "since", None, id="since nothing"),
    pytest.param('{"type": "sync", "since": "7"}', "since", None, id="since no id"),
    pytest.param('{"type": "sync", "since": null, "limit": 0}', "limit", None, id="no limit"),
    pytest.param('{"type": "sync", "since": null, "limit": 501}', "limit", None, id="over it"),
    pytest.param('{"type": "sync", "since": null, "limit": "9"}', "limit", None, id="a text limit"),
    pytest.param('{"type": "sync", "since": null, "limit": 1.5}', "limit", None, id="half a row"),
    pytest.param('{"type": "authenticate", "ref": 3}', "token", 3, id="no token"),
]


@pytest.mark.parametrize(("text", "field", "ref"), BAD_MESSAGES)
async def test_a_bad_message_is_answered_and_the_connection_stays_open(
    socket: Socket, text: str, field: str, ref: str | int | None
) -> None:
    await socket.send_text(text)
    frame = await socket.expect("error")
    assert frame.get("ref") == ref
    assert frame["error"] == frame["data"]
    assert frame["error"]["code"] == "VALIDATION_ERROR"
    assert list(frame["error"]["details"]) == [field]
    await socket.nothing_more()


async def test_of_many_bad_ids_the_first_are_named(socket: Socket) -> None:
    """An answer is not many times as long as what it answers."""
    await socket.send(type="mark_read", notification_ids=["x"] * 3_000)
    details = (await socket.expect("error"))["error"]["details"]
    assert list(details) == [f"notification_ids.{place}" for place in range(50)]
    await socket.nothing_more()


async def test_bytes_that_are_no_text_are_a_bad_message(socket: Socket) -> None:
    await socket._connection.write_message(b"\xff\xfe", binary=True)
    assert (await socket.expect("error"))["error"]["code"] == "VALIDATION_ERROR"
    await socket.nothing_more()


async def test_sync_is_answered_with_what_was_missed_and_its_ref(
    service: Service, socket: Socket, person: Person
) -> None:
    ids = await keep(service, person, {}, {}, {"kind": "business_update"})
    await socket.send(type="sync", since=ids[0], ref="s")
    frame = await socket.expect("notifications.sync")
    assert frame["ref"] == "s"
    assert set(frame["data"]) == {"notifications", "changed", "has_more", "unread_count"}
    assert [row["notification_id"] for row in frame["data"]["notifications"]] == ids[1:]


@pytest.mark.parametrize(
    ("limit", "count", "has_more"), [(1, 1, True), (3, 3, True), (4, 4, False), (500, 4, False)]
)
async def test_a_sync_has_at_most_its_limit_and_says_whether_there_is_more(
    service: Service, socket: Socket, person: Person, limit: int, count: int, *, has_more: bool
) -> None:
    ids = await keep(service, person, *([{}] * 4))
    answer = await socket.sync(None, limit=limit)
    assert [row["id"] for row in answer["notifications"]] == ids[:count]
    assert answer["has_more"] is has_more


async def test_a_sync_since_the_last_one_is_empty(
    service: Service, socket: Socket, person: Person
) -> None:
    ids = await keep(service, person, {}, {})
    answer = await socket.sync(ids[-1])
    assert (answer["notifications"], answer["has_more"]) == ([], False)


async def test_sync_since_what_one_never_got_is_an_error_and_stays_open(
    service: Service, socket: Socket
) -> None:
    other_id = uuid4()
    (theirs,) = await keep_unread(service, Person(other_id, token(other_id)), 1)
    details = []
    for since in (theirs, str(uuid4())):
        await socket.send(type="sync", since=since, ref=1)
        frame = await socket.expect("error")
        assert (frame["ref"], frame["error"]["code"]) == (1, "NOT_FOUND")
        details.append(frame["error"] | {"details": None})
    assert details[0] == details[1], "whether somebody else has it is not revealed"
    await socket.nothing_more()


async def test_long_answers_are_no_sign_of_a_slow_reader(
    service: Service, socket: Socket, person: Person
) -> None:
    """However they are cut, all that was missed arrives."""
    ids = await keep(service, person, *([{"data": {"text": "x" * 600}}] * 500))
    seen: list[str] = []
    received_bytes = 0
    has_more = True
    while has_more:
        answer = await socket.sync(seen[-1] if seen else None, limit=500)
        seen += [row["id"] for row in answer["notifications"]]
        received_bytes += len(json.dumps(answer))
        has_more = answer["has_more"]
    assert seen == ids
    assert received_bytes > SEND_BUFFER_BYTES
    await socket.nothing_more()


async def test_who_does_not_read_is_cut_off_and_forgotten(
    service: Service, wire: Wire, person: Person
) -> None:
    """Answers that are asked for and not read fill the buffers of the system and then ours."""

    async def is_in() -> bool:
        return service.directory.find(person.id) is not None

    async def is_out() -> bool:
        return not await is_in()

    await keep(service, person, *([{"data": {"text": "x" * 4_000}}] * 12))
    await wire.send(
        "GET /ws/notifications/ HTTP/1.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        f"Authorization: Bearer {person.token}",
    )
    await eventually(is_in)
    wire.reader._transport.pause_reading()  # type: ignore[attr-defined]
    wire.writer.write(masked(b'{"type":"sync","since":null}') * 400)
    await eventually(is_out, within_s=15)
    wire.reader._transport.resume_reading()  # type: ignore[attr-defined]


def masked(payload: bytes) -> bytes:
    """Return a short text frame as clients send it, its mask all zeros (RFC 6455 §5.2)."""
    return bytes([0x81, 0x80 | len(payload), 0, 0, 0, 0]) + payload


async def test_a_fault_of_ours_is_an_error_that_tells_nothing_and_the_connection_stays_open(
    service: Service, socket: Socket, person: Person, mongodb_uri: str, database_name: str
) -> None:
    (broken,) = await keep_unread(service, person, 1)
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri, uuidRepresentation="standard") as client:
        client[database_name]["notifications"].update_one(
            {"_id": UUID(broken)}, {"$unset": {"title": ""}}
        )
    await socket.send(type="sync", since=None, ref=1)
    frame = await socket.expect("error")
    assert (frame["ref"], frame["error"]["code"]) == (1, "INTERNAL_ERROR")
    assert UUID(frame["error"]["details"].pop("request_id")).version == 4
    assert "KeyError" not in json.dumps(frame)
    await socket.nothing_more()
