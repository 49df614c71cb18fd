"""Two processes with the same limits; each test has an address of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from server.service import Service
from tests.server.limits.limited import addresses, limited
from tests.support.api import Api


@pytest.fixture(scope="module")
async def service(mongodb_uri: str, redis_url: str, database_name: str) -> AsyncIterator[Service]:
    """Run one server process that limits."""
    async with limited(mongodb_uri, redis_url, database_name, "test:one") as started:
        yield started


@pytest.fixture(scope="module")
async def other(
    service: Service, mongodb_uri: str, redis_url: str, database_name: str
) -> AsyncIterator[Api]:
    """Run another on the same stores, and call it."""
    async with limited(mongodb_uri, redis_url, database_name, "test:other") as started:
        client = Api(started.settings.public_url)
        yield client
        client.close()


@pytest.fixture
def address() -> str:
    return next(addresses)
