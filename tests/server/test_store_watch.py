"""A real store, stopped by a signal; the time is the test's."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from server.children import Kept, StoreChild
from server.store_watch import Patience, StoreWatch
from storage.embedded import EmbeddedMongo, EmbeddedServer
from storage.embedded_redis import EmbeddedRedis

DEADLINE_S = 60.0
LOOK_EVERY_S = 0.5
PATIENCE = Patience(ask_every_s=5.0, silent_s=60.0)
LOOKS_WITHIN_PATIENCE = 115


class Watched:
    """A store that is kept and watched."""

    def __init__(self, server: EmbeddedServer) -> None:
        self.server = server
        self.child = StoreChild(server)
        self.kept = Kept(self.child)
        self.kept.start()
        self.watch = StoreWatch(self.child, PATIENCE)
        self._looked_at_s = 1_000.0

    @property
    def pid(self) -> int:
        assert self.server.child is not None
        return self.server.child.pid

    def signal(self, number: signal.Signals) -> None:
        assert self.server.child is not None
        self.server.child.send_signal(number)

    def look(self, times: int, *, every_s: float = LOOK_EVERY_S) -> None:
        for _ in range(times):
            self._looked_at_s += every_s
            self.watch.look(self._looked_at_s)

    def look_until(self, is_so: Callable[[], bool]) -> None:
        """Look without time going by."""
        deadline = time.monotonic() + DEADLINE_S
        while not is_so():
            assert time.monotonic() < deadline, "it did not happen in time"
            self.look(1, every_s=0.0)
            self.kept.look_after()
            time.sleep(0.005)

    def end(self) -> None:
        self.watch.close()
        self.child.kill()
        self.child.stop()

    def look_until_answered(self) -> None:
        self.look_until(lambda: self.watch._silent_s == 0.0)


@pytest.fixture(params=[EmbeddedMongo, EmbeddedRedis], ids=["mongodb", "redis"])
def watched(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(request.param(tmp_path))
    yield watched
    watched.end()


def test_a_store_that_is_silent_for_too_long_is_replaced_at_its_port(watched: Watched) -> None:
    before = (watched.pid, watched.child.uri)
    watched.signal(signal.SIGSTOP)
    with capture_logs() as logs:
        watched.look(LOOKS_WITHIN_PATIENCE)
        assert logs == []
        watched.look(10)
        watched.look_until(lambda: watched.pid != before[0])
    assert watched.child.uri == before[1]
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("store_silent", "error"),
        ("child_died", "warning"),
    ]
    assert logs[0]["child"] == watched.child.name
    watched.look(20)
    watched.look_until_answered()


def test_after_each_kill_a_store_is_waited_for_twice_as_long(watched: Watched) -> None:
    for silences in (1, 2, 4):
        before = watched.pid
        watched.signal(signal.SIGSTOP)
        with capture_logs() as logs:
            watched.look(silences * LOOKS_WITHIN_PATIENCE)
            assert logs == []
            watched.look(silences * LOOKS_WITHIN_PATIENCE)
            watched.look_until(lambda before=before: watched.pid != before)  # type: ignore[misc]
        assert [line["event"] for line in logs] == ["store_silent", "child_died"]


def test_a_store_that_answers_late_again_and_again_is_left_alone(watched: Watched) -> None:
    before = watched.pid
    with capture_logs() as logs:
        for _ in range(3):
            watched.signal(signal.SIGSTOP)
            watched.look(LOOKS_WITHIN_PATIENCE)
            assert watched.watch._silent_s > PATIENCE.silent_s / 2
            watched.signal(signal.SIGCONT)
            watched.look_until_answered()
            # Asked again only after a while.
            watched.look(int(PATIENCE.ask_every_s / LOOK_EVERY_S) - 1)
            assert watched.watch._silent_s == 0.0
    assert (watched.pid, logs) == (before, [])


def test_a_machine_that_stood_still_is_no_silence_of_the_store(watched: Watched) -> None:
    watched.signal(signal.SIGSTOP)
    with capture_logs() as logs:
        watched.look(50, every_s=1_000.0)
    assert (watched.child.status(), logs) == (None, [])


def test_a_store_that_died_is_its_keepers_business(watched: Watched) -> None:
    before = watched.pid
    watched.signal(signal.SIGKILL)
    assert watched.server.child is not None
    watched.server.child.wait(DEADLINE_S)
    with capture_logs() as logs:
        watched.look(2 * LOOKS_WITHIN_PATIENCE)
        watched.look_until(lambda: watched.pid != before)
    assert [line["event"] for line in logs] == ["child_died"]
