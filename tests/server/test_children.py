from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from structlog.testing import capture_logs

from server import children
from server.children import Kept, ProgramChild, Refused, StoreChild
from storage.embedded import EmbeddedFailed
from storage.embedded_redis import EmbeddedRedis

DEADLINE_S = 30.0


def program(code: str, *, stop_within_s: float = 5.0) -> ProgramChild:
    def spawn() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-S", "-c", code])

    return ProgramChild("program", spawn, stop_within_s=stop_within_s)


def wait_until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def look_after_until(kept: Kept, is_so: Callable[[], bool]) -> None:
    def is_so_now() -> bool:
        kept.look_after()
        return is_so()

    wait_until(is_so_now)


class FlakyStore:
    """Dies at once; starts only every other time."""

    name = "flaky"

    def __init__(self) -> None:
        self.starts = 0

    def start(self) -> None:
        self.starts += 1
        if self.starts % 2 == 0:
            raise EmbeddedFailed(self.name, "no")

    def status(self) -> int | None:
        return 1

    def stop(self) -> None:
        pass


def test_a_child_that_dies_is_started_again_after_ever_longer_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(children, "FIRST_RESTART_S", 0.001)
    monkeypatch.setattr(children, "MAX_RESTART_S", 0.004)
    kept = Kept(program("raise SystemExit(7)"))
    kept.start()

    with capture_logs() as logs:
        look_after_until(kept, lambda: len(logs) == 4)
    assert [(line["status"], line["restart_in_s"]) for line in logs] == [
        (7, 0.001),
        (7, 0.002),
        (7, 0.004),
        (7, 0.004),
    ]
    kept.child.stop()


def test_a_death_after_a_steady_run_is_the_first_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "FIRST_RESTART_S", 0.001)
    monkeypatch.setattr(children, "STEADY_S", 0.0)
    kept = Kept(program("raise SystemExit(7)"))
    kept.start()
    with capture_logs() as logs:
        look_after_until(kept, lambda: len(logs) == 3)
    assert [line["restart_in_s"] for line in logs] == [0.001] * 3
    kept.child.stop()


def test_a_program_that_refuses_is_not_started_again() -> None:
    kept = Kept(program("raise SystemExit(2)"))
    kept.start()
    with pytest.raises(Refused) as refused:
        wait_until(kept.look_after)
    assert refused.value.name == "program"


def test_a_store_that_cannot_be_started_again_is_tried_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(children, "FIRST_RESTART_S", 0.0)
    store = FlakyStore()
    kept = Kept(store)
    kept.start()
    with capture_logs() as logs:
        look_after_until(kept, lambda: store.starts == 4)
    assert [line["event"] for line in logs] == [
        "child_died",
        "child_not_restarted",
        "child_died",
        "child_not_restarted",
    ]


def test_a_child_that_does_not_stop_is_killed() -> None:
    child = program(
        "import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True); signal.pause()",
        stop_within_s=0.2,
    )
    child.start()
    assert child._child is not None
    pid = child._child.pid
    wait_until(lambda: psutil.Process(pid).status() == psutil.STATUS_SLEEPING)
    child.stop()
    assert child.status() in {-9, -15}


def test_what_was_never_started_is_not_running_and_can_be_stopped(tmp_path: Path) -> None:
    child, store = program(""), StoreChild(EmbeddedRedis(tmp_path))
    child.stop()
    store.stop()
    assert (child.status(), store.status()) == (0, 0)


def test_a_store_keeps_its_address_over_a_restart(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    store = StoreChild(server)
    store.start()
    uri = store.uri
    assert store.status() is None
    assert server.child is not None
    server.child.kill()
    server.child.wait()
    assert store.status() == -9
    store.start()
    assert store.uri == uri
    store.stop()
