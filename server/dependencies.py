"""Tell whether what the service depends on can be reached; for `run.py check`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from config.settings import Settings
from server.jwks import PublishedKeys
from storage.client import StoreUnavailable, open_client, store_call
from storage.embedded import EmbeddedError, EmbeddedMongo, EmbeddedServer
from storage.embedded_redis import EmbeddedRedis

PING_DEADLINE_S = 3.0


@dataclass(frozen=True, slots=True)
class Dependency:
    """One thing that the service needs; `problem` is None when it is there."""

    name: str
    note: str
    problem: str | None

    def __str__(self) -> str:
        """Return the line for an operator."""
        if self.problem is None:
            return f"{self.name}: ok ({self.note})"
        return f"{self.name}: failed ({self.problem})"


async def check_dependencies(settings: Settings) -> list[Dependency]:
    """Try every dependency at once; takes a few seconds at most."""
    checks = [
        _store("MongoDB", settings.mongodb_uri, EmbeddedMongo, _ping_mongodb),
        _store("Redis", settings.redis_url, EmbeddedRedis, _ping_redis),
        _store("queue Redis", settings.queue_redis_url, EmbeddedRedis, _ping_redis),
    ]
    if settings.jwt_jwks_url is not None:
        checks.append(_issuer(settings.jwt_jwks_url))
    return list(await asyncio.gather(*checks))


async def _issuer(jwks_url: str) -> Dependency:
    published = PublishedKeys(jwks_url)
    await published.refresh_if_due()
    await published.close()
    return Dependency("JWKS", f"{len(published.keys)} keys to check by", published.problem)


async def _store(
    name: str,
    uri: str | None,
    embedded: type[EmbeddedServer],
    ping: Callable[[str], Awaitable[str | None]],
) -> Dependency:
    if uri is not None:
        return Dependency(name, "answers", await ping(uri))
    try:
        # It runs only while `run.py all` does, so that it could be started is all there is to ask.
        embedded(Path()).program()
    except EmbeddedError as error:
        return Dependency(name, "embedded", str(error))
    return Dependency(name, "embedded", None)


async def _ping_mongodb(uri: str) -> str | None:
    client = open_client(uri, app_name="snb-check")
    try:
        async with store_call(PING_DEADLINE_S):
            await client.driver.admin.command("ping")
    except StoreUnavailable as error:
        return error.reason
    finally:
        await client.aclose()
    return None


async def _ping_redis(url: str) -> str | None:
    client = redis.asyncio.Redis.from_url(
        url,
        socket_connect_timeout=PING_DEADLINE_S,
        socket_timeout=PING_DEADLINE_S,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        await client.ping()
    except redis.RedisError as error:
        return str(error) or type(error).__name__
    finally:
        await client.aclose()
    return None
