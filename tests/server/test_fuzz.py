"""Whatever is asked of whatever path: never a fault of ours, always the envelope, still ready."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs
from tornado.httpclient import HTTPRequest
from tornado.httputil import HTTPHeaders
from tornado.ioloop import IOLoop

from server.app import routes
from server.auth import UserType
from server.openapi.paths import path_of
from server.operation import JSON
from tests.server.wire import Wire
from tests.support.api import Answer, Api, assert_invariants, token
from tests.support.documented import document

ROUTES = {path_of(route, handler)[0]: handler for route, handler in routes(has_demo=True)}

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"]

EXAMPLES_A_PATH = int(os.environ.get("FUZZ_EXAMPLES", "5"))
"""Of some sixty paths, at 30 ms of processor time each."""

MOSTLY = 6
"""How much likelier than each of the rest is what gets further than the first refusal."""

fuzzed = settings(
    max_examples=EXAMPLES_A_PATH,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

TOKENS = {user_type: token(user_type=user_type) for user_type in UserType}

AWKWARD = [
    *("", " ", "\x00", "\ud800", "\u202e", "true", "null", "-1", "0", "1e400", "NaN", "a" * 5_000),
    *("2026-02-30", "0001-01-01", "9999-12-31T23:59:59.999999-23:59", "2026-01-01T00:00:00Z"),
    *("24:00", "Africa/Johannesburg", "en", "../../etc/passwd", "<script>", "%s%n", "{{7*7}}"),
    *("javascript:alert(1)", "http://[", "https://a.example/x", "new_listing", "critical"),
    *(
        "a@b",
        "+27820000000",
        "$where",
        "$gt",
        "a.b",
        "one_click",
        "One-Click",
        "resubscribe",
        "text/html",
    ),
]

HEADERS = [
    *("X-Request-ID", "Idempotency-Key", "Origin", "Accept", "Cookie", "X-Forwarded-For", "Range"),
    *(
        "If-None-Match",
        "Content-Encoding",
        "X-HTTP-Method-Override",
        "Access-Control-Request-Method",
    ),
]

LINES = [
    *(b"Host: a", b"Content-Length: 5", b"Content-Length: -5", b"Content-Length: x", b" folded"),
    *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip", b"Expect: 100-continue"),
    *(b"Connection: close", b"no colon", b": no name", b"X\x00: y"),
]

texts = st.sampled_from(AWKWARD) | st.text(max_size=30) | st.uuids().map(str)
numbers = (
    st.integers() | st.floats() | st.sampled_from([2**31, 2**53, 2**63, 2**64, 10**40, 1e308, -0.0])
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None


def fields_of(path: str) -> list[str]:
    """Return the names of all fields and parameters that the document has for `path`."""
    names = {"page", "page_size", "unknown"}
    for operation in document()["paths"].get(path, {}).values():
        names |= {parameter["name"] for parameter in operation["parameters"]}
        names |= set(_properties(operation.get("requestBody", {}), frozenset()))
    return sorted(names)


def _properties(schema: Any, seen: frozenset[str]) -> Iterator[str]:
    if isinstance(schema, list):
        for each in schema:
            yield from _properties(each, seen)
    elif isinstance(schema, dict):
        yield from schema.get("properties", {})
        reference = schema.get("$ref", "")
        if reference and reference not in seen:
            named = document()["components"]["schemas"][reference.rpartition("/")[2]]
            yield from _properties(named, seen | {reference})
        yield from _properties(list(schema.values()), seen)


def mostly(likely: st.SearchStrategy[T], *others: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """Return `likely`, and now and then one of the others."""
    return st.sampled_from([likely] * MOSTLY + list(others)).flatmap(lambda chosen: chosen)


def requests(path: str) -> st.SearchStrategy[Asked]:
    """Return requests for `path`, from nearly good to nonsense."""
    roles: Mapping[str, frozenset[UserType]] = getattr(ROUTES[path], "roles", {"GET": frozenset()})
    bearers = sorted(frozenset().union(*roles.values())) or list(UserType)
    names = mostly(st.sampled_from(fields_of(path)), texts)
    objects = st.dictionaries(names, st.deferred(lambda: values | objects), max_size=6)
    bodies = (
        (objects | values).map(_json)
        | st.binary(max_size=100)
        | st.dictionaries(names, texts, max_size=3).map(lambda form: _query(form).encode())
        | st.sampled_from([b"", b"{}", b"[]", b"null", b'{"a":1,"a":2}', b"[" * 20_000, b"\xff"])
    )
    return st.builds(
        _asked,
        st.sampled_from([*sorted(roles) * MOSTLY, *METHODS]),
        st.just(path),
        st.lists(mostly(st.uuids().map(str), texts), min_size=2, max_size=2),
        st.dictionaries(names, texts | numbers.map(str), max_size=4).map(_query) | texts,
        st.sampled_from([*[TOKENS[each] for each in bearers] * MOSTLY, None, "garbage"]),
        mostly(st.just(JSON), st.sampled_from(["application/x-www-form-urlencoded", "text/plain"])),
        st.dictionaries(
            st.sampled_from(HEADERS),
            texts | st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60),
            max_size=3,
        ),
        mostly(objects.map(_json), bodies, st.none()),
    )


def _asked(
    method: str,
    path: str,
    segments: list[str],
    query: str,
    bearer: str | None,
    content_type: str,
    headers: dict[str, str],
    body: bytes | None,
) -> Asked:
    """Return the request, as far as HTTP can carry it."""
    parts = iter(segments)
    filled = "/".join(
        _quoted(next(parts)) if part.startswith("{") else part for part in path.split("/")
    )
    known = {"Authorization": f"Bearer {bearer}"} if bearer is not None else {}
    if body is not None and content_type:
        known["Content-Type"] = content_type
    allowed = {
        name: value.strip()
        for name, value in headers.items()
        if all(32 <= ord(letter) < 127 or 160 <= ord(letter) < 256 for letter in value)
    }
    return Asked(method, f"{filled}?{_quoted(query, '=&+;')}", known | allowed, body)


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _query(fields: dict[str, str]) -> str:
    return urlencode(fields, errors="surrogatepass")


def _quoted(text: str, safe: str = "") -> str:
    return quote(text, safe, errors="surrogatepass")


@pytest.fixture
def faults(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Keep what is logged, of which nothing may be a fault of ours."""
    with capture_logs() as lines:
        yield
        assert [line for line in lines if line["log_level"] in {"error", "critical"}] == []
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def ask(api: Api, asked: Asked) -> None:
    """Ask, and assert of the answer what has to be true of every one."""
    response = await api.fetch(
        HTTPRequest(
            api.base_url + asked.path,
            method=asked.method,
            headers=HTTPHeaders(asked.headers),
            body=asked.body,
            allow_nonstandard_methods=True,
            follow_redirects=False,
            request_timeout=30,
        )
    )
    assert response.code < 500, response.body
    assert response.headers["X-Request-ID"]
    if response.headers.get("Content-Type", "").startswith("application/json"):
        body = json.loads(response.body) if response.body else None
        if asked.method != "HEAD":
            assert_invariants(
                Answer(response.code, body, response.headers), asked.method, asked.path
            )
    else:
        # Pages and files; and a page says to people what failed, where they ask for one.
        assert response.code < 400 or "text/html" in response.headers["Content-Type"]


@pytest.mark.parametrize("path", ROUTES)
def test_no_request_is_answered_by_a_fault(
    io_loop: IOLoop, api: Api, faults: None, path: str
) -> None:
    @fuzzed
    @given(requests(path))
    def send(asked: Asked) -> None:
        io_loop.run_sync(lambda: ask(api, asked))

    send()
    assert io_loop.run_sync(lambda: api.get("/health/ready/")).status == 200


segments = st.lists(texts | st.sampled_from(["api", "ws", "demo", "notifications", "..", "//"]))


@fuzzed
@given(segments, st.sampled_from(["GET", "POST", "OPTIONS", "PROPFIND"]))
def test_no_path_is_answered_by_a_fault(
    io_loop: IOLoop, api: Api, faults: None, parts: list[str], method: str
) -> None:
    path = "/" + "/".join(_quoted(part, "/.") for part in parts)
    io_loop.run_sync(lambda: ask(api, Asked(method, path, {}, None)))


@fuzzed
@given(
    st.lists(st.binary(max_size=60), max_size=5).map(b"\r\n".join)
    | st.builds(
        lambda line, headers: b"\r\n".join([line, *headers]),
        st.sampled_from([b"GET /health/live/ HTTP/1.1", b"POST /api/follow/ HTTP/1.0", b"GET / 1"]),
        st.lists(
            st.sampled_from(LINES),
            max_size=5,
        ),
    ),
    st.binary(max_size=40),
)
def test_no_bytes_are_answered_by_a_fault(
    io_loop: IOLoop, api: Api, faults: None, head: bytes, body: bytes
) -> None:
    """What is no HTTP is refused or cut off; nobody else notices."""

    async def write() -> bytes:
        wire = await Wire.open(api.base_url)
        wire.writer.write(head + b"\r\n\r\n" + body)
        wire.writer.write_eof()
        try:
            return await wire.reader.read()
        except ConnectionResetError:
            return b""
        finally:
            await wire.close()

    answered = io_loop.run_sync(write)
    assert not answered.startswith(b"HTTP/1.1 5"), answered
    assert io_loop.run_sync(lambda: api.get("/health/live/")).status == 200
