"""Judge which processes are dead by watching their heartbeats."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rules.lease import Lease

EXPIRES_AFTER_S = 60.0
"""A process whose beat did not change for this long has lost what it held."""


@dataclass(frozen=True, slots=True)
class _Seen:
    epoch: int
    beat: int
    since_s: float


class HeartbeatWatch:
    """Remember when each beat was last seen to change, by the watcher's own monotonic clock.

    Wall clocks are never compared: a process with a wrong clock is not a dead process.
    """

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def observe(self, beats: Iterable[tuple[Lease, int]], *, now_s: float) -> list[Lease]:
        """Take in the beats of all processes that there are and return the leases expired."""
        seen: dict[str, _Seen] = {}
        expired: list[Lease] = []
        for lease, beat in beats:
            before = self._seen.get(lease.owner)
            if before is not None and (before.epoch, before.beat) == (lease.epoch, beat):
                seen[lease.owner] = before
                if now_s - before.since_s >= EXPIRES_AFTER_S:
                    expired.append(lease)
            else:
                seen[lease.owner] = _Seen(lease.epoch, beat, now_s)
        self._seen = seen
        return expired
