"""A Redis of the test's own, which it may end, halt, empty, and start again at the same URL."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from storage.embedded_redis import FILES, EmbeddedRedis

DEADLINE_S = 60.0
POLL_S = 0.01


class OwnRedis(EmbeddedRedis):
    """A running server."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.url = self.start()

    def file(self, ending: str) -> Path:
        """Return that part of what it keeps."""
        (found,) = (self.directory / FILES).glob(f"*{ending}")
        return found

    def die(self) -> None:
        """Have it killed; `start` starts it again."""
        self.kill()
        assert self.child is not None
        self.child.wait()

    def halt(self) -> None:
        """Have it answer nobody."""
        assert self.child is not None
        self.child.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Have it answer again."""
        assert self.child is not None
        self.child.send_signal(signal.SIGCONT)

    def forget(self) -> None:
        """Have it forget everything."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()


def wait_until(is_so: Callable[[], bool]) -> None:
    """Return once it is so, which it must be in time."""
    deadline = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(POLL_S)


@contextmanager
def own_redis(directory: Path) -> Iterator[OwnRedis]:
    """Run a server in `directory`."""
    server = OwnRedis(directory)
    try:
        yield server
    finally:
        if server.child is not None:
            server.go_on()
        server.stop()
