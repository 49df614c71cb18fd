"""One running service a test module, on a loop that lives as long; each test has its own people."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs
from tornado.ioloop import IOLoop

from actors import inbox
from server import links
from server.service import Service
from tests.server.machine import Machine
from tests.server.socket_ends import HASTY
from tests.server.wire import Wire
from tests.support.api import Api, token
from tests.support.service import running
from tests.support.sockets import Socket
from tests.support.world import Person, World


@pytest.fixture(scope="module")
def io_loop() -> Iterator[IOLoop]:
    """Run the module's service and tests on one loop: a service a test takes 0.1 s of each."""
    loop = IOLoop()
    loop.make_current()
    yield loop
    loop.clear_current()
    loop.close(all_fds=True)


@pytest.fixture(scope="module")
async def service(mongodb_uri: str, redis_url: str, database_name: str) -> AsyncIterator[Service]:
    """Run one server process."""
    async with running(mongodb_uri, redis_url, database_name) as started:
        yield started


@pytest.fixture(scope="module")
async def hasty(mongodb_uri: str, redis_url: str, database_name: str) -> AsyncIterator[Service]:
    """Run a process that is quick to give up on a socket, and lets everybody say all they want."""
    variables = {"SNB_INSTANCE": "test:hasty"}
    async with running(mongodb_uri, redis_url, database_name, HASTY, **variables) as started:
        yield started


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    """Keep what is logged."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture(scope="module")
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


@pytest.fixture
def base_url(api: Api) -> str:
    """Return where the service is."""
    return api.base_url


@pytest.fixture
def person() -> Person:
    """Return somebody of whom nothing is known but the token."""
    user_id = uuid4()
    return Person(user_id, token(user_id))


@pytest.fixture
async def socket(api: Api, person: Person) -> AsyncIterator[Socket]:
    """Be in."""
    connected = await Socket.authenticated(api.base_url, person.token)
    yield connected
    connected.close()


@pytest.fixture
async def wire(api: Api) -> AsyncIterator[Wire]:
    """Speak HTTP as written."""
    connection = await Wire.open(api.base_url)
    yield connection
    await connection.close()


@pytest.fixture
async def machine(
    service: Service, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Machine]:
    # As long as a busy machine takes.
    monkeypatch.setattr(inbox, "STATE_WITHIN_S", 60.0)
    monkeypatch.setattr(links, "OPEN_WITHIN_S", 60.0)
    # Longer than the address of a socket may be.
    directory = tmp_path / ("links-" * 20)
    async with AsyncExitStack() as stack:
        yield Machine(service, redis_url, directory, stack)
