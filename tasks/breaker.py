"""Stop knocking at a provider that is away (the circuit breaker of Nygard's "Release It!").

closed ── failures in a row ──► open ── after a while ──► half open ── a success ──► closed
                                  ▲                           │
                                  └──────── a failure ────────┘
"""

from __future__ import annotations

from rules.channel_health import Circuit

OPENS_AFTER = 10
"""Failures in a row, whatever was in flight together counted one by one."""

PROBING_S = 5.0
"""While one tries whether the provider is back, others come again after this."""

FIRST_OPEN_S = 15.0
LONGEST_OPEN_S = 300.0


class Breaker:
    """Counts one channel's failures in one worker; times are of a monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._failures = 0
        self._open_for_s = 0.0
        self._opened_at_s = 0.0
        self._is_probing = False

    def state(self, now_s: float) -> Circuit:
        """Return how the circuit stands."""
        if self._open_for_s == 0.0:
            return Circuit.CLOSED
        return Circuit.OPEN if self._opened_at_s + self._open_for_s > now_s else Circuit.HALF_OPEN

    def retry_in(self, now_s: float) -> float:
        """Return the seconds until something may be tried again; 0.0 when it may be now."""
        match self.state(now_s):
            case Circuit.OPEN:
                return self._opened_at_s + self._open_for_s - now_s
            case Circuit.HALF_OPEN if self._is_probing:
                return PROBING_S
        return 0.0

    def admit(self, wanted: int, now_s: float) -> int:
        """Return how many of `wanted` may be tried: all, one to see whether it is back, or none."""
        match self.state(now_s):
            case Circuit.CLOSED:
                return wanted
            case Circuit.HALF_OPEN if not self._is_probing:
                self._is_probing = wanted > 0
                return min(1, wanted)
        return 0

    def succeed(self) -> None:
        """Take in that the provider answered, whatever it said."""
        self._failures = 0
        self._open_for_s = 0.0
        self._is_probing = False

    def fail(self, now_s: float) -> None:
        """Take in that the provider could not be reached, or was not able to take it."""
        self._failures += 1
        if self._is_probing:
            self._is_probing = False
            self._open(min(2 * self._open_for_s, LONGEST_OPEN_S), now_s)
        elif self._open_for_s == 0.0 and self._failures >= OPENS_AFTER:
            self._open(FIRST_OPEN_S, now_s)

    def forget_probe(self) -> None:
        """Take in that what was admitted to see whether it is back was not tried after all."""
        self._is_probing = False

    def _open(self, for_s: float, now_s: float) -> None:
        self._open_for_s = for_s
        self._opened_at_s = now_s
