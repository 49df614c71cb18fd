"""What browsers are told: security headers, and who may read answers from elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from server.service import Service
from tests.server.wire import Wire
from tests.support.api import SECURITY_HEADERS, Answer, Api, token
from tests.support.service import running

APP = "https://app.example"
PREVIEW = "http://localhost:3000"
FOREIGN = "https://evil.example"
INBOX = "/api/notifications/"
CUSTOMER = token()

EXPOSED = {"X-Request-ID", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"} | {
    "Retry-After"
}


@pytest.fixture(scope="module")
async def service(mongodb_uri: str, redis_url: str, database_name: str) -> AsyncIterator[Service]:
    """Run one server process that two other origins may ask."""
    origins = {"SNB_ALLOWED_ORIGINS": f"{APP}:443, {PREVIEW}"}
    async with running(mongodb_uri, redis_url, database_name, **origins) as started:
        yield started


def cors(answer: Answer) -> set[str]:
    """Return the names of the headers that let another origin in."""
    return {name for name, _ in answer.headers.get_all() if name.startswith("Access-Control")}


def listed(answer: Answer, name: str) -> set[str]:
    return {part.strip() for part in answer.headers[name].split(",")}


@pytest.mark.parametrize("origin", [APP, PREVIEW])
@pytest.mark.parametrize(
    ("method", "path", "bearer", "status"),
    [
        ("GET", INBOX, CUSTOMER, 200),
        ("GET", f"{INBOX}?page=0", CUSTOMER, 400),
        ("GET", INBOX, None, 401),
        ("POST", "/api/internal/events/", CUSTOMER, 403),
        ("GET", "/nowhere", None, 404),
        ("PUT", INBOX, CUSTOMER, 405),
        ("PROPFIND", INBOX, CUSTOMER, 405),
    ],
)
async def test_an_allowed_origin_may_read_every_answer(
    api: Api, origin: str, method: str, path: str, bearer: str | None, status: int
) -> None:
    answer = await api.request(method, path, bearer, headers={"Origin": origin})
    assert answer.status == status
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert listed(answer, "Access-Control-Expose-Headers") == EXPOSED
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("origin", [FOREIGN, "null", "", f"{APP}.evil.example", "https://APP"])
async def test_a_foreign_origin_is_answered_and_may_not_read_it(api: Api, origin: str) -> None:
    answer = await api.get(INBOX, CUSTOMER, headers={"Origin": origin})
    assert answer.status == 200
    assert not cors(answer)


async def test_what_depends_on_the_origin_says_so_to_caches(api: Api) -> None:
    for headers in ({}, {"Origin": APP}, {"Origin": FOREIGN}):
        answer = await api.get(INBOX, CUSTOMER, headers=headers)
        assert answer.headers["Vary"] == "Origin"


def preflight(origin: str, method: str) -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type",
    }


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        (INBOX, {"GET", "HEAD", "OPTIONS"}),
        ("/api/notifications/preferences/", {"GET", "HEAD", "OPTIONS", "PUT"}),
        ("/api/internal/events/", {"OPTIONS", "POST"}),
    ],
)
async def test_a_preflight_of_an_allowed_origin_names_methods_and_headers(
    api: Api, path: str, methods: set[str]
) -> None:
    answer = await api.request(
        "OPTIONS", path, headers={**preflight(APP, "PUT"), "X-Request-ID": "mine"}
    )
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == APP
    assert listed(answer, "Access-Control-Allow-Methods") >= methods
    assert listed(answer, "Access-Control-Allow-Headers") == {
        "Authorization",
        "Content-Type",
        "Idempotency-Key",
        "X-Request-ID",
    }
    assert int(answer.headers["Access-Control-Max-Age"]) > 0
    assert answer.headers["Vary"] == "Origin"
    assert answer.headers["X-Request-ID"] == "mine"


async def test_a_preflight_of_a_foreign_origin_names_nothing(api: Api) -> None:
    answer = await api.request("OPTIONS", INBOX, headers=preflight(FOREIGN, "GET"))
    assert answer.status == 204
    assert not cors(answer)


async def test_options_names_the_methods_without_a_token_and_without_a_body(wire: Wire) -> None:
    for path, allowed in (
        ("/api/follow/", "OPTIONS, POST"),
        ("/ws/notifications/", "GET, OPTIONS"),
    ):
        await wire.send(f"OPTIONS {path} HTTP/1.1")
        answer = await wire.answer()
        assert (answer.status, answer.headers["Allow"]) == (204, allowed)
        assert "Content-Length" not in answer.headers
        assert "Content-Type" not in answer.headers


async def test_without_other_origins_nothing_is_said_of_them_and_http_is_not_pinned(
    mongodb_uri: str, redis_url: str, database_name: str
) -> None:
    own = {"SNB_INSTANCE": "test:alone"}
    async with running(mongodb_uri, redis_url, database_name, **own) as service:
        api = Api(service.settings.public_url)
        answer = await api.get(INBOX, CUSTOMER, headers={"Origin": service.settings.public_url})
        assert not cors(answer)
        assert "Vary" not in answer.headers
        assert "Strict-Transport-Security" not in answer.headers
        api.close()


async def test_who_is_reached_by_https_says_so_for_a_year(
    mongodb_uri: str, redis_url: str, database_name: str
) -> None:
    own = {"SNB_INSTANCE": "test:https", "SNB_PUBLIC_URL": "https://notify.example"}
    async with running(mongodb_uri, redis_url, database_name, **own) as service:
        api = Api(f"http://127.0.0.1:{service.settings.port}")
        for path in ("/health/live/", "/nowhere", "/"):
            response = await api.raw(path)
            assert response.headers["Strict-Transport-Security"] == "max-age=31536000"
        api.close()


async def test_pages_have_the_headers_too_and_a_policy_of_their_own(api: Api) -> None:
    response = await api.raw("/")
    for name in SECURITY_HEADERS.keys() - {"Content-Security-Policy"}:
        assert response.headers[name] == SECURITY_HEADERS[name]
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
