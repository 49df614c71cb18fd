"""Size the batches of a fan-out by what the store is seen to take."""

from __future__ import annotations

TARGET_S = 0.050
"""Store time of one batch: long enough to be worth a round trip, short enough to yield between."""

FEWEST_ROWS = 25
MOST_ROWS = 1_000
FIRST_ROWS = 100


class BatchSizer:
    """Find the number of rows that takes about `TARGET_S`."""

    def __init__(self) -> None:
        self.rows = FIRST_ROWS

    def observe(self, rows: int, store_s: float) -> None:
        """Take in that `rows` took `store_s`; the size at most doubles or halves at once."""
        if rows == 0 or store_s <= 0:
            return
        wanted = int(rows * TARGET_S / store_s)
        wanted = max(self.rows // 2, min(wanted, self.rows * 2))
        self.rows = max(FEWEST_ROWS, min(wanted, MOST_ROWS))
