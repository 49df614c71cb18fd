"""How much of what is sent is taken notice of (contract sections 2.3 and 2.6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

WINDOW = timedelta(days=90)
"""Notifications that count: as far back as the inbox goes."""

READ_WEIGHT = 0.7
CLICKED_WEIGHT = 0.3


RATE_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Engagement:
    """Notifications, and how many of them were read and clicked."""

    received: int
    read: int
    clicked: int

    def __add__(self, other: Engagement) -> Engagement:
        """Return the engagement with both together."""
        return Engagement(
            self.received + other.received,
            self.read + other.read,
            self.clicked + other.clicked,
        )

    @property
    def read_rate(self) -> float:
        """The share that was read; 0.0 of nothing."""
        return _share(self.read, self.received)

    @property
    def click_rate(self) -> float:
        """The share that was clicked; 0.0 of nothing."""
        return _share(self.clicked, self.received)

    @property
    def score(self) -> float:
        """0.0 to 10.0 with one decimal; 0.0 for who has received nothing."""
        if self.received == 0:
            return 0.0
        weighed = READ_WEIGHT * self.read + CLICKED_WEIGHT * self.clicked
        return round(10 * weighed / self.received, 1)


NOTHING_RECEIVED = Engagement(0, 0, 0)


def _share(part: int, whole: int) -> float:
    return round(part / whole, RATE_DECIMALS) if whole else 0.0
