"""Published keys, seen from outside: over HTTP and over the socket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from actors.connection import CloseCode
from tests.support.api import SECRET, Api, token
from tests.support.issuer import Issuer, ec_signing, publishing, until
from tests.support.service import running
from tests.support.sockets import Socket

PATH = "/api/notifications/unread-count/"
KEY = ec_signing("issuer-1")


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with publishing(KEY) as issuer:
        yield issuer


@asynccontextmanager
async def trusting(
    issuer: Issuer, mongodb_uri: str, redis_url: str, database_name: str, **variables: str
) -> AsyncIterator[Api]:
    """Run a service that trusts `issuer` and nobody else."""
    variables = {"SNB_JWT_SECRET": "", "SNB_JWT_JWKS_URL": issuer.url, **variables}
    async with running(mongodb_uri, redis_url, database_name, **variables) as service:
        api = Api(service.settings.public_url)
        yield api
        api.close()


async def test_tokens_of_the_issuer_are_accepted_and_those_of_the_secret_are_not(
    issuer: Issuer, mongodb_uri: str, redis_url: str, database_name: str
) -> None:
    async with trusting(issuer, mongodb_uri, redis_url, database_name) as api:
        assert (await api.get(PATH, KEY.token())).status == 200
        for bad in (token(), ec_signing("issuer-1").token(), ec_signing("unknown").token()):
            answer = await api.get(PATH, bad)
            assert (answer.status, answer.error["code"]) == (401, "UNAUTHORIZED")
        user_id = uuid4()
        socket = await Socket.authenticated(api.base_url, KEY.token(user_id))
        await socket.send(type="authenticate", token=KEY.token(user_id), ref="again")
        assert (await socket.next())["ref"] == "again"
        socket.close()


async def test_a_token_of_another_issuer_or_for_somebody_else_is_401(
    issuer: Issuer, mongodb_uri: str, redis_url: str, database_name: str
) -> None:
    expected = {"SNB_JWT_ISSUER": "https://issuer.example", "SNB_JWT_AUDIENCE": "notifications"}
    claims: dict[str, Any] = {"iss": "https://issuer.example", "aud": "notifications"}
    async with trusting(issuer, mongodb_uri, redis_url, database_name, **expected) as api:
        assert (await api.get(PATH, KEY.token(**claims))).status == 200
        for wrong in ({"iss": None}, {"iss": "x"}, {"aud": None}, {"aud": ["orders"]}):
            assert (await api.get(PATH, KEY.token(**{**claims, **wrong}))).status == 401


async def test_a_service_starts_without_its_issuer_and_says_503_until_it_answers(
    issuer: Issuer, mongodb_uri: str, redis_url: str, database_name: str
) -> None:
    await issuer.stop()
    async with trusting(issuer, mongodb_uri, redis_url, database_name) as api:
        answer = await api.get(PATH, KEY.token())
        assert (answer.status, answer.error["code"]) == (503, "UNAVAILABLE")
        assert (await api.get(PATH, token())).status == 401
        assert (await api.get(PATH)).status == 401
        assert (await api.get("/health/ready/")).status == 200


@pytest.mark.parametrize("is_first_message", [True, False])
async def test_a_socket_that_cannot_be_authenticated_now_may_come_back(
    issuer: Issuer,
    mongodb_uri: str,
    redis_url: str,
    database_name: str,
    *,
    is_first_message: bool,
) -> None:
    await issuer.stop()
    async with trusting(issuer, mongodb_uri, redis_url, database_name) as api:
        if is_first_message:
            socket = await Socket.open(api.base_url)
            await socket.send(type="authenticate", token=KEY.token(), ref=1)
        else:
            headers = {"Authorization": f"Bearer {KEY.token()}"}
            socket = await Socket.open(api.base_url, headers=headers)
        failed = await socket.expect("authentication_failed")
        assert failed["error"]["code"] == "UNAVAILABLE"
        assert await socket.closed() == CloseCode.TRY_AGAIN_LATER


async def test_a_renewal_that_cannot_be_checked_now_leaves_the_socket_open(
    issuer: Issuer, mongodb_uri: str, redis_url: str, database_name: str
) -> None:
    await issuer.stop()
    variables = {"SNB_JWT_SECRET": SECRET}
    async with trusting(issuer, mongodb_uri, redis_url, database_name, **variables) as api:
        user_id = uuid4()
        socket = await Socket.authenticated(api.base_url, token(user_id))
        await socket.send(type="authenticate", token=KEY.token(user_id), ref=1)
        assert (await socket.expect("error"))["error"]["code"] == "UNAVAILABLE"
        await socket.send(type="ping")
        assert (await socket.next())["type"] == "pong"
        socket.close()


@pytest.mark.parametrize("is_good", [True, False])
async def test_a_renewal_that_came_in_time_counts_however_long_it_takes_to_check(
    issuer: Issuer, mongodb_uri: str, redis_url: str, database_name: str, *, is_good: bool
) -> None:
    issuer.may_answer.clear()
    variables = {"SNB_JWT_SECRET": SECRET}
    async with trusting(issuer, mongodb_uri, redis_url, database_name, **variables) as api:
        user_id, expires_at_s = uuid4(), int(time.time()) + 2
        socket = await Socket.authenticated(api.base_url, token(user_id, exp=expires_at_s))
        witness = await Socket.authenticated(api.base_url, token(exp=expires_at_s))
        key = KEY if is_good else ec_signing("unknown")
        await socket.send(type="authenticate", token=key.token(user_id), ref=1)
        assert await witness.closed() == CloseCode.UNAUTHORIZED
        issuer.may_answer.set()
        if is_good:
            await socket.expect("authentication_success")
            await socket.nothing_more()
            socket.close()
        else:
            await socket.expect("authentication_failed")
            assert await socket.closed() == CloseCode.UNAUTHORIZED


async def test_a_renewal_that_cannot_be_checked_makes_nothing_last_longer(
    issuer: Issuer, mongodb_uri: str, redis_url: str, database_name: str
) -> None:
    await issuer.stop()
    variables = {"SNB_JWT_SECRET": SECRET}
    async with trusting(issuer, mongodb_uri, redis_url, database_name, **variables) as api:
        user_id = uuid4()
        expiring = token(user_id, exp=int(time.time()) + 2)
        socket = await Socket.authenticated(api.base_url, expiring)
        await socket.send(type="authenticate", token=KEY.token(user_id))
        assert (await socket.expect("error"))["error"]["code"] == "UNAVAILABLE"
        assert await socket.closed() == CloseCode.UNAUTHORIZED


async def test_who_needs_a_new_key_waits_for_it_and_others_do_not(
    issuer: Issuer, mongodb_uri: str, redis_url: str, database_name: str
) -> None:
    issuer.may_answer.clear()
    variables = {"SNB_JWT_SECRET": SECRET}
    async with trusting(issuer, mongodb_uri, redis_url, database_name, **variables) as api:
        await until(lambda: issuer.requests == 1)
        socket = await Socket.open(api.base_url)
        await socket.send(type="authenticate", token=KEY.token())
        waiting = asyncio.create_task(api.get(PATH, KEY.token()))
        assert (await api.get(PATH, token())).status == 200
        assert not waiting.done()
        issuer.may_answer.set()
        assert (await waiting).status == 200
        await socket.expect("authentication_success")
        assert issuer.requests == 1
        socket.close()
