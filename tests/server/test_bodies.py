"""What a body may be, and how large (contract sections 2 and 2.8)."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
from typing import Any
from uuid import uuid4

import pytest

from server.handlers.base import BODY_LIMIT_BYTES
from server.handlers.events import EVENTS_BODY_LIMIT_BYTES
from server.service import Service
from tests.server.inboxes import keep_unread
from tests.server.wire import Wire
from tests.support.api import AN_ID, Api, token
from tests.support.world import EVENTS, Person

MARK_READ = "/api/notifications/mark-read/"
CUSTOMER = token()


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"{'a': 1}", b'{"a": NaN}', b"\xff", b"[" * 100_000, b"{}{}", b'{"a": "\\ud800"}'],
    ids=lambda raw: repr(raw[:12]),
)
async def test_what_is_no_json_is_400(api: Api, raw: bytes) -> None:
    answer = await api.request("POST", MARK_READ, CUSTOMER, raw=raw)
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
    (message,) = answer.error["details"]["body"]
    assert message.startswith("Not valid JSON")


@pytest.mark.parametrize("body", [[], "ids", 7, None, True])
async def test_json_that_is_no_object_is_400(api: Api, body: Any) -> None:
    answer = await api.request("POST", MARK_READ, CUSTOMER, raw=json.dumps(body).encode())
    assert (answer.status, list(answer.error["details"])) == (400, ["body"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (MARK_READ, {"notification_ids": [str(uuid4())], "all": True}),
        ("/api/follow/", {"business_id": str(uuid4()), "since": "now"}),
    ],
)
async def test_an_unknown_field_in_a_body_is_400_and_named(
    api: Api, path: str, body: dict[str, Any]
) -> None:
    *_, unknown = body
    answer = await api.post(path, CUSTOMER, body)
    assert answer.status == 400
    assert answer.error["details"] == {unknown: ["Unknown field."]}


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "text/json", ""],
)
async def test_another_content_type_is_415(api: Api, content_type: str) -> None:
    answer = await api.request(
        "POST",
        MARK_READ,
        CUSTOMER,
        body={"notification_ids": [str(uuid4())]},
        headers={"Content-Type": content_type},
    )
    assert (answer.status, answer.error["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"],
)
async def test_json_may_name_its_encoding(api: Api, content_type: str) -> None:
    answer = await api.request(
        "POST",
        MARK_READ,
        CUSTOMER,
        body={"notification_ids": [str(uuid4())]},
        headers={"Content-Type": content_type},
    )
    assert answer.status == 200


WITHOUT_BODY = [
    ("POST", "/api/notifications/mark-all-read/"),
    ("DELETE", f"/api/notifications/{AN_ID}/delete/"),
    ("DELETE", f"/api/unfollow/{AN_ID}/"),
]


@pytest.mark.parametrize(("method", "path"), WITHOUT_BODY)
async def test_where_no_body_is_taken_its_fields_are_refused(
    api: Api, method: str, path: str
) -> None:
    answer = await api.request(method, path, CUSTOMER, body={"before": "2026-01-01"})
    assert answer.status == 400
    assert answer.error["details"] == {"before": ["Unknown field."]}
    answer = await api.request(method, path, CUSTOMER, raw=b"[]")
    assert (answer.status, list(answer.error["details"])) == (400, ["body"])
    answer = await api.request(
        method, path, CUSTOMER, raw=b"x", headers={"Content-Type": "text/plain"}
    )
    assert answer.status == 415


@pytest.mark.parametrize("raw", [b"", b"{}"])
@pytest.mark.parametrize(("method", "path"), WITHOUT_BODY)
async def test_where_no_body_is_taken_an_empty_one_is_fine(
    api: Api, method: str, path: str, raw: bytes
) -> None:
    answer = await api.request(method, path, CUSTOMER, raw=raw)
    assert answer.status == (200 if method == "POST" else 404)


LIMITS = [
    (MARK_READ, CUSTOMER, BODY_LIMIT_BYTES),
    ("/api/notifications/mark-all-read/", CUSTOMER, BODY_LIMIT_BYTES),
    (EVENTS, token(user_type="service"), EVENTS_BODY_LIMIT_BYTES),
]


def test_bodies_are_limited_to_a_mebibyte_and_events_to_eight() -> None:
    assert (BODY_LIMIT_BYTES, EVENTS_BODY_LIMIT_BYTES) == (1_048_576, 8_388_608)


@pytest.mark.parametrize(("path", "bearer", "limit_bytes"), LIMITS)
@pytest.mark.parametrize("over_bytes", [1, 10**12])
async def test_a_body_announced_as_too_large_is_refused_before_it_is_sent(
    wire: Wire, path: str, bearer: str, limit_bytes: int, over_bytes: int
) -> None:
    await wire.send(
        f"POST {path} HTTP/1.1",
        f"Authorization: Bearer {bearer}",
        "Content-Type: application/json",
        f"Content-Length: {limit_bytes + over_bytes}",
    )
    answer = await wire.answer()
    assert (answer.status, answer.error["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert answer.error["details"] == {"limit_bytes": limit_bytes}
    assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize(("path", "bearer", "limit_bytes"), LIMITS)
async def test_a_body_of_unknown_length_is_refused_where_it_gets_too_large(
    wire: Wire, path: str, bearer: str, limit_bytes: int
) -> None:
    """The last chunk never comes: who waits for it never answers."""
    chunk = b"%x\r\n%b\r\n" % (limit_bytes + 1, b" " * (limit_bytes + 1))
    await wire.send(
        f"POST {path} HTTP/1.1",
        f"Authorization: Bearer {bearer}",
        "Content-Type: application/json",
        "Transfer-Encoding: chunked",
        body=chunk,
    )
    answer = await wire.answer()
    assert (answer.status, answer.error["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize("megabytes", [2, 30])
@pytest.mark.parametrize("is_chunked", [False, True], ids=["announced", "chunked"])
@pytest.mark.parametrize(
    ("bearer", "path", "status"),
    [(CUSTOMER, MARK_READ, 413), ("garbage", MARK_READ, 401), ("", "/nowhere", 404)],
)
async def test_who_sends_the_whole_body_all_the_same_sees_the_answer_and_no_reset(
    api: Api, bearer: str, path: str, status: int, megabytes: int, is_chunked: bool
) -> None:
    """As most clients do: they read an answer once they have sent all."""

    def post() -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(api.base_url.removeprefix("http://"), timeout=30)
        headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
        parts = (b" " * (1 << 20) for _ in range(megabytes))
        body = parts if is_chunked else b"".join(parts)
        connection.request("POST", path, body, headers, encode_chunked=is_chunked)
        with contextlib.closing(connection):
            response = connection.getresponse()
            return response.status, response.read()

    answered, body = await asyncio.to_thread(post)
    assert answered == status
    assert set(json.loads(body)) == {"error"}


async def test_a_body_that_was_asked_to_be_waited_for_is_refused_without_a_hundred(
    wire: Wire,
) -> None:
    await wire.send(
        f"POST {MARK_READ} HTTP/1.1",
        f"Authorization: Bearer {CUSTOMER}",
        "Content-Type: application/json",
        "Expect: 100-continue",
        f"Content-Length: {2 << 20}",
    )
    assert (await wire.answer()).status == 413
    assert await wire.is_closed_by_the_server()


async def test_a_body_that_is_too_large_by_a_little_changes_nothing(
    api: Api, service: Service
) -> None:
    """What was answered while the body came is not carried out when it has come."""
    person = Person(user_id := uuid4(), token(user_id))
    await keep_unread(service, person, 1)

    def post() -> int:
        connection = http.client.HTTPConnection(api.base_url.removeprefix("http://"), timeout=30)
        headers = {"Authorization": f"Bearer {person.token}", "Content-Type": "application/json"}
        parts = iter([b"{}", b" " * BODY_LIMIT_BYTES])
        path = "/api/notifications/mark-all-read/"
        connection.request("POST", path, parts, headers, encode_chunked=True)
        with contextlib.closing(connection):
            return connection.getresponse().status

    assert await asyncio.to_thread(post) == 413
    counted = await api.get("/api/notifications/unread-count/", person.token)
    assert counted.body == {"unread_count": 1}


async def test_a_body_of_just_the_limit_is_read(api: Api) -> None:
    body = json.dumps({"notification_ids": [str(uuid4())]}).encode()
    answer = await api.request("POST", MARK_READ, CUSTOMER, raw=body.ljust(BODY_LIMIT_BYTES))
    assert answer.status == 200


async def test_a_body_may_come_in_chunks(wire: Wire) -> None:
    body = json.dumps({"notification_ids": [str(uuid4())]}).encode()
    first, second = body[:7], body[7:]
    await wire.send(
        f"POST {MARK_READ} HTTP/1.1",
        f"Authorization: Bearer {CUSTOMER}",
        "Content-Type: application/json",
        "Transfer-Encoding: chunked",
        body=b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(first), first, len(second), second),
    )
    assert (await wire.answer()).status == 200


@pytest.mark.parametrize(
    ("bearer", "path", "status"),
    [("garbage", MARK_READ, 401), (token(user_type="service"), MARK_READ, 403), ("", "/no", 404)],
)
async def test_who_may_not_is_told_so_before_the_body_is_read(
    wire: Wire, bearer: str, path: str, status: int
) -> None:
    await wire.send(
        f"POST {path} HTTP/1.1", f"Authorization: Bearer {bearer}", "Content-Length: 1000"
    )
    answer = await wire.answer()
    assert answer.status == status
    assert answer.headers["Connection"] == "close"
    assert await wire.is_closed_by_the_server()
