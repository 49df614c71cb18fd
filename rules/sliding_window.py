"""Count what was admitted within the last while, and never admit more than may be in any while.

What is admitted is kept with its time. Where more may be than is worth keeping one by one, what
comes within one cell of time is kept together and counts until the last of it has left: so a
window is never too generous, and lets the next in by up to a cell too late.
"""

from __future__ import annotations

from collections import deque


def cell_width(*, most: int, length: float, cells: int) -> float:
    """Return how long a cell is when about `cells` of them are kept; 0: each comes by itself."""
    return 0.0 if most <= cells else length / cells


class SlidingWindow:
    """At most `most` in any `length` of time, whatever its unit; times are passed in."""

    __slots__ = ("_cell", "_cells", "_length", "_most", "used")

    def __init__(self, *, most: int, length: float, cells: int) -> None:
        self.used = 0
        """How many count, as of the last call of `slide`."""
        self._most = most
        self._length = length
        self._cell = cell_width(most=most, length=length, cells=cells)
        self._cells: deque[tuple[float, int]] = deque()

    @property
    def is_full(self) -> bool:
        """Tell whether no more may come, as of the last call of `slide`."""
        return self.used >= self._most

    def slide(self, now: float) -> None:
        """Forget what lies a whole length behind `now`."""
        gone = now - self._length
        while self._cells and self._cells[0][0] <= gone:
            self.used -= self._cells.popleft()[1]

    def add(self, now: float) -> None:
        """Count one more."""
        self.used += 1
        count = 1
        if self._cells and self._cell and self._cells[-1][0] // self._cell == now // self._cell:
            count += self._cells.pop()[1]
        self._cells.append((now, count))

    def frees_in(self, now: float) -> float:
        """Return how long it takes until fewer count; a whole length when none ever may."""
        if not self._cells:
            return 0.0 if self._most else self._length
        return self._cells[0][0] + self._length - now
