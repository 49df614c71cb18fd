"""What becomes of a handshake before there is a socket."""

from __future__ import annotations

import asyncio

import pytest
from tornado.httpclient import HTTPClientError

from server.handshake import NO_HEADERS
from server.service import Service
from tests.server.wire import Wire
from tests.support.api import AN_ID
from tests.support.service import running
from tests.support.sockets import Socket
from tests.support.world import eventually

PATH = "/ws/notifications/"
GET = f"GET {PATH} HTTP/1.1"
UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


def lines(**changes: str | None) -> list[str]:
    """Return the headers of a handshake; one that is None is left out."""
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    return [f"{name}: {value}" for name, value in (UPGRADE | named).items() if value is not None]


@pytest.mark.parametrize("path", [PATH, PATH.rstrip("/"), f"{PATH}{AN_ID}/", f"{PATH}{AN_ID}"])
async def test_a_handshake_is_answered_101_and_nothing_is_sent(wire: Wire, path: str) -> None:
    await wire.send(f"GET {path} HTTP/1.1", *lines())
    answer = await wire.answer(has_body=False)
    assert answer.status == 101
    assert answer.headers["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert "Sec-WebSocket-Extensions" not in answer.headers
    assert answer.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        pytest.param({"Upgrade": None}, 400, id="no upgrade"),
        pytest.param({"Upgrade": "h2c"}, 400, id="another protocol"),
        pytest.param({"Connection": "keep-alive"}, 400, id="a proxy dropped Connection"),
        pytest.param({"Sec_WebSocket_Key": None}, 400, id="no key"),
        pytest.param({"Sec_WebSocket_Version": "8"}, 426, id="another version"),
        pytest.param({"Origin": "https://evil.example"}, 403, id="another origin"),
        pytest.param({"Origin": "null"}, 403, id="a page without origin"),
    ],
)
async def test_a_refused_handshake_has_the_envelope_of_every_error(
    wire: Wire, changes: dict[str, str | None], status: int
) -> None:
    await wire.send(GET, *lines(**changes))
    assert (await wire.answer()).status == status


async def test_the_version_that_is_spoken_is_said(wire: Wire) -> None:
    """RFC 6455 §4.4."""
    await wire.send(GET, *lines(Sec_WebSocket_Version="7"))
    assert (await wire.answer()).headers["Sec-WebSocket-Version"] == "13"


async def test_a_body_is_not_read_where_there_is_nothing_to_post(wire: Wire) -> None:
    await wire.send(f"POST {PATH} HTTP/1.1", "Content-Length: 50000000")
    assert (await wire.answer()).status == 405
    assert await wire.is_closed_by_the_server()


async def test_who_leaves_in_the_middle_of_a_handshakes_body_leaves_nothing_behind(
    wire: Wire,
) -> None:
    async def is_under_way() -> bool:
        running = (task.get_coro() for task in asyncio.all_tasks())
        return any(getattr(work, "__name__", "") == "_execute" for work in running)

    async def is_over() -> bool:
        return not await is_under_way()

    await wire.send(GET, *lines(Content_Length="10"), body=b"half")
    await eventually(is_under_way)
    await wire.close()
    await eventually(is_over)


async def test_the_services_own_pages_may_connect(service: Service) -> None:
    origin = service.settings.public_url
    socket = await Socket.open(origin, headers={"Origin": origin})
    socket.close()


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("https://app.savenbite.example", True),
        ("https://shop.savenbite.example:8443", True),
        ("http://app.savenbite.example", False),
        ("https://app.savenbite.example.evil.example", False),
        ("https://savenbite.example", False),
        ("https://shop.savenbite.example", False),
        ("https://APP.savenbite.example:443", True),
    ],
)
async def test_only_configured_origins_may_connect(
    mongodb_uri: str, redis_url: str, database_name: str, origin: str, *, is_allowed: bool
) -> None:
    allowed = "https://app.savenbite.example, https://shop.savenbite.example:8443"
    variables = {"SNB_ALLOWED_ORIGINS": allowed, "SNB_INSTANCE": "test:origins"}
    async with running(mongodb_uri, redis_url, database_name, **variables) as configured:
        base_url = configured.settings.public_url
        if is_allowed:
            (await Socket.open(base_url, headers={"Origin": origin})).close()
            return
        with pytest.raises(HTTPClientError) as refused:
            await Socket.open(base_url, headers={"Origin": origin})
        assert refused.value.code == 403


async def test_who_names_no_origin_is_no_browser_and_may_connect(wire: Wire) -> None:
    await wire.send(GET, *lines())
    assert (await wire.answer(has_body=False)).status == 101


async def test_the_services_own_pages_may_connect_where_others_are_configured(
    mongodb_uri: str, redis_url: str, database_name: str
) -> None:
    variables = {
        "SNB_ALLOWED_ORIGINS": "https://app.savenbite.example",
        "SNB_INSTANCE": "test:own-origin",
    }
    async with running(mongodb_uri, redis_url, database_name, **variables) as configured:
        own = configured.settings.public_url
        (await Socket.open(own, headers={"Origin": own})).close()


FORWARDED = {"X-Forwarded-Host": "app.savenbite.example", "X-Forwarded-Proto": "https"}


@pytest.mark.parametrize(
    ("proxies", "status"), [("127.0.0.0/8", 101), ("10.0.0.0/8", 403), ("", 403)]
)
async def test_only_a_trusted_proxy_can_say_what_the_own_origin_is(
    mongodb_uri: str, redis_url: str, database_name: str, proxies: str, status: int
) -> None:
    variables = {"SNB_TRUSTED_PROXIES": proxies, "SNB_INSTANCE": "test:proxied"}
    async with running(mongodb_uri, redis_url, database_name, **variables) as proxied:
        wire = await Wire.open(proxied.settings.public_url)
        headers = [f"{name}: {value}" for name, value in FORWARDED.items()]
        await wire.send(GET, *lines(Origin="https://app.savenbite.example"), *headers)
        assert (await wire.answer(has_body=status != 101)).status == status
        await wire.close()


def test_what_all_sockets_have_for_headers_cannot_be_written_to() -> None:
    with pytest.raises(TypeError, match="X-Mine"):
        NO_HEADERS["X-Mine"] = "1"
    with pytest.raises(TypeError, match="X-Mine"):
        NO_HEADERS.add("X-Mine", "1")
    assert list(NO_HEADERS.get_all()) == []
