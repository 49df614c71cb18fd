"""Decide who a fan-out reaches.

Contract section 3: those who follow when the event is accepted and still follow when their turn
comes. An unfollow and a restore in between leave both true.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """A time during which somebody who follows now did not: [since, until)."""

    since: datetime
    until: datetime


def was_following(*, first_followed_at: datetime, gaps: Sequence[Gap], at: datetime) -> bool:
    """Tell whether somebody who follows now did so at `at`."""
    if at < first_followed_at:
        return False
    return not any(gap.since <= at < gap.until for gap in gaps)
