"""Compare moments of two processes, by the clock of the Redis that they share.

A process counts seconds of its own (`time.monotonic`), of which others know nothing, and the time
of day may be wrong. But with every beat on the bus it learns what Redis's clock shows, at some
moment between its asking and the answer: so it knows between which bounds it is ahead of its own.
A moment crosses as the earliest that it can have been by Redis's clock, and comes as the earliest
that this can have been here; so what is said to be later than something is later.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

SHORT_TRIP_S = 0.1
"""A longer one measures too little: a clock that was set meanwhile by as much would not be seen."""

MARGIN_S = 0.2
"""By how much the clock of Redis may be off unnoticed: what a short trip hides, and as much as NTP
corrects from one beat to the next (83 ms a second at most, chrony's `maxslewrate`)."""

RATES_APART = 0.001
"""Seconds a second: clocks of machines go wrong by less than half of that (500 ppm, the most that
ntpd corrects) while nobody sets them."""

MEASURED_FOR_S = 3.0
"""Three beats: less than a member is one without any (storage/bus_members.py)."""

NEW_FOR_S = 1.0
"""A beat (actors/bus_member.py): by then the others have seen, too, that a clock was set before
this process began, and most of what they told before that has come."""

DOUBTFUL_FOR_S = 30.0
"""Longer than an announcement takes."""


class SharedTime:
    """What this process knows of Redis's clock."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._measured_at_s = -math.inf
        self._least_ahead_s = -math.inf
        self._most_ahead_s = math.inf
        self._doubtful_until_s = -math.inf

    @property
    def is_known(self) -> bool:
        """Whether it was measured lately, and shows no trace of a clock that was set."""
        now_s = self._monotonic()
        return now_s <= self._measured_at_s + MEASURED_FOR_S and now_s > self._doubtful_until_s

    def measure(self, shown_us: int, *, asked_at_s: float) -> None:
        """Take in what Redis's clock has shown, in microseconds, between `asked_at_s` and now.

        After a long trip it is only looked whether the clock was set.
        """
        now_s = self._monotonic()
        drift_s = self._drift_s(now_s)
        known_least_s = self._least_ahead_s - drift_s
        known_most_s = self._most_ahead_s + drift_s
        least_s, most_s = shown_us / 1e6 - now_s, shown_us / 1e6 - asked_at_s
        was_set = least_s > known_most_s or most_s < known_least_s
        if was_set:
            # Or another Redis has taken over; or this machine was suspended.
            self._doubtful_until_s = now_s + DOUBTFUL_FOR_S
        if now_s - asked_at_s > SHORT_TRIP_S:
            return
        if self._measured_at_s == -math.inf:
            self._doubtful_until_s = now_s + NEW_FOR_S
        if not was_set:
            least_s, most_s = max(least_s, known_least_s), min(most_s, known_most_s)
        self._least_ahead_s, self._most_ahead_s = least_s, most_s
        self._measured_at_s = now_s

    def shared_us(self, moment_s: float) -> int | None:
        """Return what Redis's clock showed at `moment_s` at least, if that is known."""
        if not self.is_known:
            return None
        return math.floor((moment_s + self._least_ahead_s - self._drift_s(moment_s)) * 1e6)

    def moment_s(self, shared_us: int) -> float | None:
        """Return when Redis's clock showed `shared_us`, by ours and at the earliest, if known.

        What is said to be still to come was said by a clock that has been set since, or was heard
        by one.
        """
        if not self.is_known:
            return None
        moment_s = shared_us / 1e6 - self._most_ahead_s - MARGIN_S
        moment_s -= self._drift_s(moment_s)
        return moment_s if moment_s <= self._monotonic() else None

    def _drift_s(self, moment_s: float) -> float:
        """Return by how much more than when it was measured it may be off at `moment_s`."""
        return abs(moment_s - self._measured_at_s) * RATES_APART
