"""A Redis of the test's own, which it may end, halt, empty, and start again at the same URL."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from storage.embedded_redis import EmbeddedRedis


class OwnRedis(EmbeddedRedis):
    """A running server."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.url = self.start()

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


@contextmanager
def own_redis(directory: Path) -> Iterator[OwnRedis]:
    """Run a server in `directory`."""
    server = OwnRedis(directory)
    yield server
    if server.child is not None:
        server.go_on()
    server.stop()
