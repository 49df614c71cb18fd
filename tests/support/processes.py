"""Run server processes of their own, which tests may kill."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tornado.httpclient import AsyncHTTPClient
from tornado.testing import bind_unused_port

from tests.support.crashing import signal_of
from tests.support.programs import Program
from tests.support.service import environment
from tests.support.world import eventually

START_WITHIN_S, STOP_WITHIN_S = 60.0, 60.0


class ServerProcess:
    """A process that serves on the test's stores: `run.py serve` unless told otherwise."""

    def __init__(
        self,
        mongodb_uri: str,
        redis_url: str,
        database: str,
        log: Path | None = None,
        /,
        **variables: str,
    ) -> None:
        """Take where it runs, and where its log goes if not to that of the tests."""
        socket, port = bind_unused_port()
        socket.close()
        self.base_url = f"http://127.0.0.1:{port}"
        self._environment = {
            **os.environ,
            **environment(mongodb_uri, redis_url, database, port),
            "SNB_LOG_FORMAT": "json",
            **variables,
        }
        self._log = log
        self._process: Program | None = None

    async def start(self, *program: str) -> None:
        """Start, and return when it is ready."""
        command = program or ("run.py", "serve")
        self._process = Program.start(command, self._environment, self._log)
        await eventually(self._is_ready, within_s=START_WITHIN_S)

    async def start_mortal(self) -> None:
        """Start one that dies right after a step once `crash` says which, unless it runs."""
        if self._process is None or self._process.poll() is not None:
            await self.start("-m", "tests.support.crashing")

    def crash(self, step: str) -> None:
        """Have the next such step be the last of a process that was started mortal."""
        assert self._process is not None
        self._process.send_signal(signal_of(step))

    async def killed(self) -> int:
        """Wait for the process to end, by whoever's hand; return its status."""
        assert self._process is not None
        return await asyncio.to_thread(self._process.wait, STOP_WITHIN_S)

    def terminate(self) -> None:
        """Tell the process to stop, as SIGTERM does, and do not wait for it."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the process as kill -9 does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(STOP_WITHIN_S)

    def freeze(self) -> None:
        """Have the process do nothing more, and say nothing, as one on a machine that hangs."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def stop(self) -> int:
        """Stop the process as SIGTERM does and return its status."""
        assert self._process is not None
        return self._process.end(within_s=STOP_WITHIN_S)

    async def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the server ended before it was ready"
        http = AsyncHTTPClient(force_instance=True)
        try:
            answer = await http.fetch(f"{self.base_url}/health/ready/", raise_error=False)
        except OSError:
            return False
        finally:
            http.close()
        return answer.code == 200


@asynccontextmanager
async def server_process(
    mongodb_uri: str, redis_url: str, database: str, **variables: str
) -> AsyncIterator[ServerProcess]:
    """Give a server process, started by the test, and stop what is left of it.

    `variables` are settings of the environment that differ from those of other tests.
    """
    process = ServerProcess(mongodb_uri, redis_url, database, **variables)
    try:
        yield process
    finally:
        if process._process is not None:
            process.stop()
