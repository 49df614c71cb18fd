"""What this worker may do, and until when, as far as it knows by itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tasks.ending import Ending
from tasks.permit import Permit

if TYPE_CHECKING:
    from collections.abc import Callable

    from rules.lease import Lease

PERMITTED_FOR_S = 45.0
"""After a claim, and after the last heartbeat; others take over after 60 s of silence."""


class WorkerLease:
    """The lease of this worker, and when it was last seen to hold."""

    def __init__(self, lease: Lease, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.lease = lease
        self._clock = clock
        self._beaten_at_s = clock()
        self._ending = Ending()

    def note_beat(self, begun_at_s: float) -> None:
        """Take in that a heartbeat which began at `begun_at_s` was taken by the store."""
        self._beaten_at_s = begun_at_s

    def permit(self) -> Permit:
        """Return the permit to send what is claimed now."""
        until_s = min(self._clock(), self._beaten_at_s) + PERMITTED_FOR_S
        return Permit(until_s, clock=self._clock, ending=self._ending)

    def end_permits(self) -> None:
        """Let nothing more be handed over: this worker stops, and gives back what it holds."""
        self._ending.come()
