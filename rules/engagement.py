"""How much of what a business sends a follower takes notice of (contract section 2.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

WINDOW = timedelta(days=90)
"""Notifications that count: as far back as the inbox goes."""

READ_WEIGHT = 0.7
CLICKED_WEIGHT = 0.3


@dataclass(frozen=True, slots=True)
class Engagement:
    """Notifications of one business to one follower, and how many of them were read and clicked."""

    received: int
    read: int
    clicked: int

    @property
    def score(self) -> float:
        """0.0 to 10.0 with one decimal; 0.0 for who has received nothing."""
        if self.received == 0:
            return 0.0
        weighed = READ_WEIGHT * self.read + CLICKED_WEIGHT * self.clicked
        return round(10 * weighed / self.received, 1)


NOTHING_RECEIVED = Engagement(0, 0, 0)
