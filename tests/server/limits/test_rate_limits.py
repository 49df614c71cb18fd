"""Rate limits (contract section 2.9), with numbers of their own, on two processes.

Each test has its own users and its own address, which the client tells as a trusted proxy would.
"""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from tests.server.limits.limited import (
    DEVICES,
    EVENTS,
    FOLLOWING,
    LIMITS,
    UNREAD_COUNT,
    addresses,
    limited,
)
from tests.support.api import AN_ID, Answer, Api, token
from tests.support.own_redis import own_redis
from tests.support.service import running


def standing(answer: Answer) -> tuple[int, int, int]:
    """Return what the headers say: limit, remaining, seconds until more may come."""
    limit, remaining, reset = (
        int(answer.headers[f"RateLimit-{name}"]) for name in ("Limit", "Remaining", "Reset")
    )
    return limit, remaining, reset


async def statuses(api: Api, path: str, bearer: str, times: int) -> list[int]:
    return [(await api.get(path, bearer)).status for _ in range(times)]


@pytest.mark.parametrize(
    ("user_type", "method", "path", "most"),
    [
        ("customer", "GET", FOLLOWING, 6),
        ("customer", "GET", UNREAD_COUNT, 3),
        ("ngo", "GET", UNREAD_COUNT, 7),
        ("provider", "GET", UNREAD_COUNT, 12),
        ("admin", "GET", UNREAD_COUNT, 14),
        ("service", "POST", EVENTS, 15),
    ],
)
async def test_so_many_requests_are_let_in_and_no_more(
    api: Api, user_type: str, method: str, path: str, most: int
) -> None:
    """A provider is held to the hour here, which admins and services do not have."""
    bearer = token(user_type=user_type)
    for remaining in reversed(range(most)):
        answer = await api.request(method, path, bearer)
        assert answer.status in {200, 415}
        assert standing(answer)[:2] == (most, remaining)
    refused = await api.request(method, path, bearer)
    assert (refused.status, refused.error["code"]) == (429, "RATE_LIMITED")
    limit, remaining, reset = standing(refused)
    assert (limit, remaining) == (most, 0)
    window_s = 3_600 if user_type == "provider" else 60
    assert window_s - 20 < reset <= window_s
    assert refused.headers["Retry-After"] == str(reset)
    assert refused.error["details"] == {
        "limit": most,
        "window_s": window_s,
        "retry_after_s": reset,
    }


async def test_whichever_limit_bites_first_refuses(api: Api) -> None:
    bearer = token(user_type="customer")
    assert await statuses(api, UNREAD_COUNT, bearer, 4) == [200, 200, 200, 429]
    assert await statuses(api, DEVICES, bearer, 4) == [200, 200, 200, 429]


async def test_what_was_refused_does_not_count(api: Api) -> None:
    bearer = token(user_type="customer")
    assert await statuses(api, UNREAD_COUNT, bearer, 9) == [200] * 3 + [429] * 6
    assert standing(await api.get(DEVICES, bearer))[:2] == (6, 2)


async def test_the_tightest_limit_is_the_one_that_is_told(api: Api) -> None:
    bearer = token(user_type="customer")
    assert standing(await api.get(FOLLOWING, bearer))[:2] == (6, 5)
    assert standing(await api.get(UNREAD_COUNT, bearer))[:2] == (3, 2)


async def test_users_do_not_share_limits(api: Api) -> None:
    assert await statuses(api, UNREAD_COUNT, token(), 4) == [200, 200, 200, 429]
    assert await statuses(api, UNREAD_COUNT, token(), 1) == [200]


async def test_processes_share_every_limit_exactly(api: Api, other: Api, address: str) -> None:
    bearer, unknown = token(user_type="admin"), {"X-Forwarded-For": address}
    known = await asyncio.gather(
        *(each.get(UNREAD_COUNT, bearer) for each in (api, other) for _ in range(20))
    )
    assert sum(answer.status == 200 for answer in known) == LIMITS["admin_per_minute"]
    anonymous = await asyncio.gather(
        *(each.get(DEVICES, headers=unknown) for each in (api, other) for _ in range(10))
    )
    assert sum(answer.status == 401 for answer in anonymous) == LIMITS["anonymous_per_hour"]
    assert {answer.status for answer in anonymous} == {401, 429}


async def test_a_restart_does_not_reset_limits(
    mongodb_uri: str, redis_url: str, database_name: str
) -> None:
    bearer = token()
    found: list[int] = []
    for _ in range(2):
        async with limited(mongodb_uri, redis_url, database_name, "test:again") as service:
            client = Api(service.settings.public_url)
            found += await statuses(client, UNREAD_COUNT, bearer, 2)
            client.close()
    assert found == [200, 200, 200, 429]


@pytest.mark.parametrize(
    "bearer", [None, "garbage", token(expires_in_s=-9), token(secret="x" * 40)]
)
async def test_who_shows_no_good_token_counts_as_anonymous(
    api: Api, address: str, bearer: str | None
) -> None:
    unknown = {"X-Forwarded-For": address}
    for remaining in (3, 2, 1, 0):
        answer = await api.get(UNREAD_COUNT, bearer, headers=unknown)
        assert answer.status == 401
        assert standing(answer)[:2] == (4, remaining)
    refused = await api.get(UNREAD_COUNT, bearer, headers=unknown)
    assert refused.status == 429
    assert 3_580 < standing(refused)[2] <= 3_600
    assert (await api.get(UNREAD_COUNT, token(), headers=unknown)).status == 200
    elsewhere = {"X-Forwarded-For": next(addresses)}
    assert (await api.get(UNREAD_COUNT, bearer, headers=elsewhere)).status == 401


async def test_an_address_that_a_client_makes_up_is_not_believed(
    mongodb_uri: str, redis_url: str, database_name: str
) -> None:
    """Only this test counts as 127.0.0.1: no proxy is trusted."""
    async with running(
        mongodb_uri, redis_url, database_name, SNB_RATE_LIMITS=json.dumps(LIMITS)
    ) as service:
        client = Api(service.settings.public_url)
        found = [
            (await client.get(DEVICES, headers={"X-Forwarded-For": f"203.0.113.{number}"})).status
            for number in range(5)
        ]
        client.close()
    assert found == [401, 401, 401, 401, 429]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/api/notifications/?page=0", 400),
        ("PUT", UNREAD_COUNT, 405),
        ("POST", EVENTS, 403),
        ("GET", f"/api/devices/{AN_ID}/", 405),
        ("POST", "/api/notifications/mark-read/", 415),
    ],
)
async def test_errors_count_and_say_so(api: Api, method: str, path: str, status: int) -> None:
    bearer = token()
    answer = await api.request(method, path, bearer, raw=b"{}", headers={"Content-Type": "text/x"})
    assert answer.status == status
    assert standing(await api.get(DEVICES, bearer))[1] == 4
    assert standing(answer)[1] in {2, 5}


async def test_a_body_that_is_too_large_is_told_where_its_sender_stands(api: Api) -> None:
    answer = await api.request("PUT", "/api/notifications/preferences/", token(), raw=b" " * 2**21)
    assert answer.status == 413
    assert standing(answer)[:2] == (3, 2)


@pytest.mark.parametrize("path", ["/health/live/", "/demo/demo.js", "/"])
async def test_what_is_not_limited_says_nothing_of_limits(
    api: Api, address: str, path: str
) -> None:
    http = api._http
    for _ in range(8):
        response = await http.fetch(api.base_url + path, headers={"X-Forwarded-For": address})
        assert response.code == 200
        assert not [name for name in response.headers if name.lower().startswith("ratelimit")]
    assert standing(await api.get(DEVICES, headers={"X-Forwarded-For": address}))[:2] == (4, 3)


async def test_a_preflight_is_not_the_users_request(api: Api, address: str) -> None:
    headers = {"X-Forwarded-For": address, "Access-Control-Request-Method": "GET"}
    headers["Origin"] = "http://localhost:3000"
    for _ in range(8):
        response = await api._http.fetch(
            api.base_url + DEVICES, method="OPTIONS", headers=headers, raise_error=False
        )
        assert response.code != 429


async def test_without_redis_a_process_limits_by_itself_and_nobody_waits_or_fails(
    mongodb_uri: str, redis_url: str, database_name: str, tmp_path: Path
) -> None:
    with own_redis(tmp_path / "redis") as redis:
        async with running(
            mongodb_uri,
            redis.url,
            database_name,
            SNB_INSTANCE="test:alone",
            SNB_RATE_LIMITS=json.dumps(LIMITS),
            SNB_QUEUE_REDIS_URL=redis_url,
        ) as service:
            client = Api(service.settings.public_url)
            before, after = token(), token()
            assert await statuses(client, UNREAD_COUNT, before, 4) == [200, 200, 200, 429]
            redis.stop()
            began = time.monotonic()
            assert await statuses(client, UNREAD_COUNT, after, 6) == [200] * 3 + [429] * 3
            assert time.monotonic() - began < 5
            redis.start()
            assert await statuses(client, UNREAD_COUNT, after, 1) == [429]
            client.close()


async def test_off_lets_everybody_in_and_says_nothing(
    mongodb_uri: str, redis_url: str, database_name: str
) -> None:
    async with running(
        mongodb_uri, redis_url, database_name, SNB_INSTANCE="test:off", SNB_RATE_LIMITS="off"
    ) as service:
        client = Api(service.settings.public_url)
        bearer = token()
        answers = [await client.get(UNREAD_COUNT, bearer) for _ in range(60)]
        client.close()
    assert {answer.status for answer in answers} == {200}
    assert "RateLimit-Limit" not in answers[-1].headers
