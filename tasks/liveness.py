"""Tell which workers are gone, by their heartbeats as this worker has seen them."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from rules.heartbeats import HeartbeatWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rules.lease import Lease
    from storage.processes import ProcessRow


RECHECK_AFTER = timedelta(seconds=30)
"""When it is first asked whether the worker lives that claimed something. A death is noticed up to
80 s after the last claim (a beat, silence, a look), and redelivery may take 90 s."""


class Liveness:
    """What the last look at the list of processes said; before the first nobody is gone."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._watch = HeartbeatWatch()
        self._alive: set[Lease] | None = None

    def observe(self, processes: Sequence[ProcessRow]) -> None:
        """Take in all processes that are on the list."""
        beats = [(row.lease, row.beat) for row in processes]
        expired = set(self._watch.observe(beats, now_s=self._clock()))
        self._alive = {lease for lease, _ in beats} - expired

    def lose_sight(self) -> None:
        """Take in that the store is away, where nobody can show a beat: nobody is judged by it."""
        self._watch = HeartbeatWatch()
        self._alive = None

    def is_gone(self, lease: Lease) -> bool:
        """Tell whether `lease` has ended: off the list, silent for long, or a former incarnation.

        One that began after the last look is not on its list yet; what it claims is younger than
        a look is old, and nobody asks about that.
        """
        return self._alive is not None and lease not in self._alive
