"""Requests on a connection, one after the other, as clients send them that are no browsers."""

from __future__ import annotations

import pytest

from server.http_server import READ_AT_ONCE_BYTES
from tests.server.wire import Wire
from tests.support.api import token

LIVE = "GET /health/live/ HTTP/1.1"
MARK_READ = "POST /api/notifications/mark-read/ HTTP/1.1"
CUSTOMER = f"Authorization: Bearer {token()}"
OF_JSON = "Content-Type: application/json"


async def test_requests_that_are_sent_at_once_are_answered_in_order(wire: Wire) -> None:
    ids = [str(number) for number in range(20)]
    for each in ids:
        await wire.send(LIVE, f"X-Request-ID: {each}")
    assert [(await wire.answer()).headers["X-Request-ID"] for _ in ids] == ids


async def test_a_request_may_come_in_parts(wire: Wire) -> None:
    for _ in range(2):
        wire.asked = LIVE
        for part in (b"GET /health/live/ HT", b"TP/1.1\r\nHost: 127.0.0.1\r", b"\n\r", b"\n"):
            wire.writer.write(part)
            await wire.writer.drain()
        assert (await wire.answer()).status == 200


@pytest.mark.parametrize("end", [b"\n", b"\r\r\n"], ids=["line feed", "several returns"])
async def test_the_first_line_may_end_otherwise(wire: Wire, end: bytes) -> None:
    wire.asked = LIVE
    wire.writer.write(b"GET /health/live/ HTTP/1.1" + end)
    wire.writer.write(b"Host: 127.0.0.1\r\nX-Request-ID: 7\r\n\r\n")
    assert (await wire.answer()).headers["X-Request-ID"] == "7"


async def test_lines_may_end_in_a_line_feed_alone(wire: Wire) -> None:
    wire.asked = LIVE
    wire.writer.write(b"GET /health/live/ HTTP/1.1\nHost: 127.0.0.1\nX-Request-ID: 7\n\n")
    assert (await wire.answer()).headers["X-Request-ID"] == "7"


@pytest.mark.parametrize(
    ("version", "connection", "said"),
    [
        ("HTTP/1.1", "close", "close"),
        ("HTTP/1.0", "Keep-Alive", "Keep-Alive"),
        ("HTTP/1.0", "close", None),
    ],
)
async def test_whether_the_connection_goes_on_is_up_to_the_client(
    wire: Wire, version: str, connection: str, said: str | None
) -> None:
    await wire.send(f"GET /health/live/ {version}", f"Connection: {connection}")
    assert (await wire.answer()).headers.get("Connection") == said
    if said == "Keep-Alive":
        await wire.send(LIVE)
        assert (await wire.answer()).status == 200
    else:
        assert await wire.is_closed_by_the_server()


async def test_a_body_of_several_readings_is_read_whole(wire: Wire) -> None:
    unknown = b'"' + b"x" * (3 * READ_AT_ONCE_BYTES) + b'"'
    body = b'{"notification_ids": [' + unknown + b"]}"
    for _ in range(2):
        await wire.send(MARK_READ, CUSTOMER, OF_JSON, f"Content-Length: {len(body)}", body=body)
        answer = await wire.answer()
        assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
        assert list(answer.error["details"]) == ["notification_ids.0"]


async def test_more_than_the_kernel_takes_at_once_comes_whole(wire: Wire) -> None:
    asked = 40
    for _ in range(asked):
        await wire.send("GET /api/openapi.json HTTP/1.1")
    documents = [(await wire.answer()).body for _ in range(asked)]
    assert all(document == documents[0] for document in documents)
    await wire.send(LIVE)
    assert (await wire.answer()).status == 200
