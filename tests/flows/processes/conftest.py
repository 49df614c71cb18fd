"""Three server programs over one store and one Redis, a module's own, on one loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from itertools import cycle

import pytest
from tornado.ioloop import IOLoop

from tests.support.api import Api
from tests.support.processes import ServerProcess, server_process
from tests.support.sockets import Socket
from tests.support.world import Person, World

NAMES = ("left", "middle", "right")


class Scene:
    """What happens at one of the processes, and who listens at the others."""

    def __init__(self, apis: Sequence[Api]) -> None:
        self.apis = apis
        self.world = World(apis[0])
        self._sockets: list[Socket] = []

    def close(self) -> None:
        """Close what connections are left."""
        for socket in self._sockets:
            socket.close()

    async def sockets_of(self, person: Person) -> list[Socket]:
        """Connect somebody to every process but the one at which things happen."""
        opened = [await Socket.authenticated(api.base_url, person.token) for api in self.apis[1:]]
        self._sockets += opened
        return opened


@pytest.fixture(scope="module")
def io_loop() -> Iterator[IOLoop]:
    """Run the module's processes and tests on one loop."""
    loop = IOLoop()
    loop.make_current()
    yield loop
    loop.clear_current()
    loop.close(all_fds=True)


@pytest.fixture(scope="module")
def variables() -> dict[str, str]:
    """Return the settings of the processes that differ from those of other tests."""
    return {}


@pytest.fixture(scope="module")
def program() -> tuple[str, ...]:
    """Return what the processes run, if not `run.py serve`."""
    return ()


@pytest.fixture(scope="module")
async def processes(
    mongodb_uri: str,
    redis_url: str,
    database_name: str,
    variables: dict[str, str],
    program: tuple[str, ...],
) -> AsyncIterator[list[ServerProcess]]:
    """Run three."""
    async with AsyncExitStack() as stack:
        made = [
            await stack.enter_async_context(
                server_process(
                    mongodb_uri, redis_url, database_name, SNB_INSTANCE=name, **variables
                )
            )
            for name in NAMES
        ]
        await asyncio.gather(*(process.start(*program) for process in made))
        yield made


@pytest.fixture(scope="module")
async def apis(processes: list[ServerProcess]) -> AsyncIterator[list[Api]]:
    """Call each of them."""
    made = [Api(process.base_url) for process in processes]
    yield made
    for api in made:
        api.close()


@pytest.fixture
def anywhere(apis: list[Api]) -> Iterator[Api]:
    """Call one after the other, without end."""
    return cycle(apis)


@pytest.fixture
async def scene(apis: list[Api]) -> AsyncIterator[Scene]:
    """Make things happen at the first."""
    made = Scene(apis)
    yield made
    made.close()
