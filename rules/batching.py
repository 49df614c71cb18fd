"""Size the batches of a fan-out, and the portions that the store is asked, by what it takes."""

from __future__ import annotations

TARGET_S = 0.050
"""Store time of one: long enough to be worth a round trip, short enough for others to wait."""

FEWEST_ROWS = 250
"""What a batch costs the server besides its rows, about 3 ms, is little for each of so many."""

MOST_ROWS = 1_000
FIRST_ROWS = 100
"""So that somebody hears soon."""


class BatchSizer:
    """Find the number of rows that takes about `target_s`, but no fewer than `fewest`."""

    def __init__(self, *, fewest: int | None = None, target_s: float = TARGET_S) -> None:
        self.rows = FIRST_ROWS
        self._fewest = FEWEST_ROWS if fewest is None else fewest
        self._target_s = target_s

    def observe(self, rows: int, store_s: float) -> None:
        """Take in that `rows` took `store_s`; the size at most doubles or halves at once."""
        if rows == 0 or store_s <= 0:
            return
        wanted = int(rows * self._target_s / store_s)
        wanted = max(self.rows // 2, min(wanted, self.rows * 2))
        self.rows = max(self._fewest, min(wanted, MOST_ROWS))
