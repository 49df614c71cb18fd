"""A running service, and a world to make things happen in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from server.service import Service
from tests.support.api import Api
from tests.support.service import running
from tests.support.world import World


@pytest.fixture
async def service(mongodb_uri: str, redis_url: str, database_name: str) -> AsyncIterator[Service]:
    """Run one server process."""
    async with running(mongodb_uri, redis_url, database_name) as started:
        yield started


@pytest.fixture
async def api(service: Service) -> AsyncIterator[Api]:
    """Call the service's API."""
    client = Api(service.settings.public_url)
    yield client
    client.close()


@pytest.fixture
async def world(api: Api) -> AsyncIterator[World]:
    """Make things happen."""
    made = World(api)
    yield made
    made.close()
