"""Time that tests move."""

from __future__ import annotations


class Ticking:
    """Monotonic time that stands still unless it is moved."""

    now_s = 0.0

    def __call__(self) -> float:
        """Return it."""
        return self.now_s
