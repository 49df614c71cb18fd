"""Child programs that are to run for as long as the launcher does: started again when they die."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Protocol

import structlog

from rules.backoff import doubled
from storage.embedded import EmbeddedError, EmbeddedServer
from storage.embedded_child import end
from storage.embedded_pulse import Pulse

log = structlog.get_logger(__name__)

FIRST_RESTART_S = 0.25
MAX_RESTART_S = 15.0
"""Also what bounds the log of one that dies again and again."""
STEADY_S = 60.0
"""Having run for so long, the next death is the first again."""
ORDER_WITHIN_S = 5.0
"""Five times what a full Redis takes to write its file anew."""
REFUSED = 2
"""A program that cannot run as it is told says so itself and ends with this."""


class Refused(Exception):
    """A child cannot run as it is told; trying again would not help."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} refused to start")
        self.name = name


class Startable(Protocol):
    """What a child is to its keeper."""

    name: str

    def start(self) -> None:
        """Start it; raises EmbeddedError when that fails."""

    def status(self) -> int | None:
        """Return its exit status, or None while it runs."""

    def stop(self) -> None:
        """Stop it and wait until it is gone."""


class StoreChild:
    """An embedded store; `uri` stays the same over restarts."""

    def __init__(self, server: EmbeddedServer) -> None:
        self.name = server.name
        self.uri = ""
        self._server = server

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.uri = self._server.start()

    def status(self) -> int | None:
        """Return its exit status, or None while it runs."""
        return self._server.child.poll() if self._server.child else 0

    def pulse(self) -> Pulse:
        """Return what asks it, once it was started, whether it works."""
        return self._server.pulse()

    @property
    def has_chore(self) -> bool:
        """Whether it has something to be told now and then."""
        return bool(self._server.chore)

    def told_its_chore(self) -> Pulse:
        """Return what tells it its chore, once it was started."""
        return self._server.pulse(self._server.chore)

    def asked_of_its_chore(self) -> Pulse:
        """Return what asks it, once it was started, what became of its last chore."""
        return self._server.pulse(self._server.review)

    def has_failed(self, review: bytes) -> bool:
        """Tell from its answer to that whether it did not get to the end of it."""
        return self._server.has_failed(review)

    def kill(self) -> None:
        """Kill it, without waiting until it is gone; its keeper starts it again."""
        self._server.kill()

    def stop(self) -> None:
        """Stop it in good order and wait until it is gone."""
        self._server.put_in_order(within_s=ORDER_WITHIN_S)
        self._server.stop()


class ProgramChild:
    """A program of ours, made ready by itself after its start."""

    def __init__(
        self, name: str, spawn: Callable[[], subprocess.Popen[bytes]], *, stop_within_s: float
    ) -> None:
        self.name = name
        self._spawn = spawn
        self._stop_within_s = stop_within_s
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        self._child = self._spawn()

    def status(self) -> int | None:
        """Return its exit status, or None while it runs."""
        return self._child.poll() if self._child else 0

    def ask_to_stop(self) -> None:
        """Ask it to stop, and do not wait for it."""
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()

    def stop(self) -> None:
        """Ask it to stop; kill it when that takes too long."""
        if self._child is not None:
            end(self._child, deadline_s=self._stop_within_s)


class Kept:
    """One child and when to start it again."""

    def __init__(self, child: Startable) -> None:
        self.child = child
        self._deaths = 0
        self._started_at_s = 0.0
        self._restart_at_s: float | None = None

    def start(self) -> None:
        """Start it for the first time; raises EmbeddedError."""
        self.child.start()
        self._started_at_s = time.monotonic()

    def look_after(self) -> None:
        """Start the child again if it died and its time has come; raises Refused."""
        now_s = time.monotonic()
        if self._restart_at_s is None:
            status = self.child.status()
            if status is None:
                return
            self._died(status, now_s)
        elif now_s >= self._restart_at_s:
            self._restart_at_s = None
            try:
                self.start()
            except EmbeddedError as error:
                log.warning("child_not_restarted", child=self.child.name, error=str(error))
                self._plan(time.monotonic())

    def _died(self, status: int, now_s: float) -> None:
        if status == REFUSED and isinstance(self.child, ProgramChild):
            raise Refused(self.child.name)
        if now_s - self._started_at_s >= STEADY_S:
            self._deaths = 0
        delay_s = self._plan(now_s)
        log.warning("child_died", child=self.child.name, status=status, restart_in_s=delay_s)

    def _plan(self, now_s: float) -> float:
        delay_s = doubled(FIRST_RESTART_S, times=self._deaths, longest_s=MAX_RESTART_S)
        self._deaths += 1
        self._restart_at_s = now_s + delay_s
        return delay_s
