"""The windows of callers in this process, for the time that Redis is away."""

from __future__ import annotations

from cachetools import LRUCache

from rules.rate_limits import Check, Standing, Usage, standing
from rules.sliding_window import SlidingWindow

MOST_WINDOWS = 10_000
"""Windows kept; with what is in them 20 MB at most. Beyond it the longest unused is forgotten."""

CELLS = 16


class LocalWindows:
    """Counts with the same numbers as `storage/rate_windows.py`, for this process alone."""

    def __init__(self) -> None:
        self._windows: LRUCache[tuple[str, object], SlidingWindow] = LRUCache(MOST_WINDOWS)

    def check(self, check: Check, now_s: float) -> Standing:
        """Return where the caller stands, by a clock that does not jump."""
        windows = []
        for limit in check.limits:
            key = (limit.name, check.caller)
            window = self._windows.get(key)
            if window is None:
                window = SlidingWindow(most=limit.most, length=limit.window_s, cells=CELLS)
                self._windows[key] = window
            window.slide(now_s)
            windows.append(window)
        is_admitted = not any(window.is_full for window in windows)
        usages = []
        for limit, window in zip(check.limits, windows, strict=True):
            if is_admitted and check.is_counted:
                window.add(now_s)
            usages.append(Usage(limit, window.used, window.frees_in(now_s)))
        return standing(usages, is_admitted=is_admitted)
