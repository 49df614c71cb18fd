"""A running service, and a world to make things happen in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import redis

from server.service import Service
from tests.flows.rows import Rows
from tests.support.api import Api
from tests.support.peers.fcm import FcmPeer, fcm_peer
from tests.support.peers.twilio import TwilioPeer, twilio_peer
from tests.support.processes import ServerProcess, server_process
from tests.support.service import running
from tests.support.world import World


@pytest.fixture
def queue_url(redis_url: str) -> str:
    """Return an empty queue: a worker that reads it finds what its own test has put there."""
    url = redis_url.replace("/0", "/10")
    with redis.Redis.from_url(url) as queue:
        queue.flushdb()
    return url


@pytest.fixture
async def service(
    mongodb_uri: str, redis_url: str, database_name: str, queue_url: str
) -> AsyncIterator[Service]:
    """Run one server process."""
    async with running(
        mongodb_uri, redis_url, database_name, SNB_QUEUE_REDIS_URL=queue_url
    ) as started:
        yield started


@pytest.fixture
async def process(
    mongodb_uri: str, redis_url: str, database_name: str
) -> AsyncIterator[ServerProcess]:
    """Give a server process that tests start, stop and kill themselves."""
    async with server_process(mongodb_uri, redis_url, database_name) as given:
        yield given


@pytest.fixture(scope="module")
def mortal(mongodb_uri: str, redis_url: str, database_name: str) -> Iterator[ServerProcess]:
    """Give a server process that dies after any step; the next test goes on with its successor."""
    process = ServerProcess(mongodb_uri, redis_url, database_name)
    yield process
    process.stop()


@pytest.fixture
def rows(mongodb_uri: str, database_name: str) -> Iterator[Rows]:
    """Look at what is stored."""
    looked_at = Rows(mongodb_uri, database_name)
    yield looked_at
    looked_at.close()


@pytest.fixture
async def api(service: Service) -> AsyncIterator[Api]:
    """Call the service's API."""
    client = Api(service.settings.public_url)
    yield client
    client.close()


@pytest.fixture
async def sockets_at(
    service: Service, mongodb_uri: str, redis_url: str, database_name: str
) -> AsyncIterator[str]:
    """Return where sockets connect: not to the process that is called, as those of tests/server."""
    async with running(mongodb_uri, redis_url, database_name, SNB_INSTANCE="test:other") as other:
        yield other.settings.public_url


@pytest.fixture
async def world(api: Api, sockets_at: str) -> AsyncIterator[World]:
    """Make things happen; what is told on a socket has to cross from process to process."""
    made = World(api, sockets_at=sockets_at)
    yield made
    made.close()


@pytest.fixture
async def fcm() -> AsyncIterator[FcmPeer]:
    """Serve what pushes go to."""
    async with fcm_peer() as peer:
        yield peer


@pytest.fixture
async def twilio() -> AsyncIterator[TwilioPeer]:
    """Serve what SMS go to."""
    async with twilio_peer() as peer:
        yield peer
