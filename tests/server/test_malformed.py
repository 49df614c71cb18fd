"""What is no HTTP is refused like everything else."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.server.wire import Wire
from tests.support.api import token

PAGE = "GET / HTTP/1.1"
"""It has no refusals of its own that the document tells of."""


@pytest.mark.parametrize(
    ("head", "headers"),
    [
        ("NONSENSE /", ()),
        ("GET /", ()),
        ("GET / HTTP/9", ()),
        ("GET / HTTP/1.1 more", ()),
        (PAGE, ("no colon",)),
        (PAGE, ("Content-Length: -5",)),
        (PAGE, ("Content-Length: 5", "Content-Length: 6")),
        (PAGE, ("Transfer-Encoding: gzip",)),
        (PAGE, ("Host: one", "Host: other")),
    ],
)
async def test_a_request_that_is_no_http_gets_the_envelope_and_the_end(
    wire: Wire, head: str, headers: tuple[str, ...]
) -> None:
    await wire.send(head, *headers)
    answer = await wire.answer()
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
    assert str(UUID(answer.headers["X-Request-ID"])) == answer.headers["X-Request-ID"]
    assert answer.headers["Connection"] == "close"
    assert await wire.is_closed_by_the_server()


async def test_a_body_in_bad_chunks_gets_the_envelope(wire: Wire) -> None:
    await wire.send(
        "POST /api/notifications/mark-read/ HTTP/1.1",
        f"Authorization: Bearer {token()}",
        "Content-Type: application/json",
        "Transfer-Encoding: chunked",
        body=b"nonsense\r\n",
    )
    answer = await wire.answer()
    assert (answer.status, answer.error["message"]) == (400, "The request is not valid HTTP")
    assert await wire.is_closed_by_the_server()
