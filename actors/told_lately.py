"""Whom this process has told something by the bus a moment ago."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from uuid import UUID

TOLD_FOR_S = 5.0
"""Much longer than it takes to be read what was told by the bus."""


MOST = 100_000
"""Users: some 20 MB. When there are more it is not looked who they are."""


class ToldLately:
    """Each is remembered for five to ten seconds.

    What others are asked about them has to come behind what they are told, or this process would
    not find what it has done itself.
    """

    def __init__(self, *, timer: Callable[[], float] = time.monotonic) -> None:
        self._timer = timer
        self._lately: set[UUID] = set()
        self._before: set[UUID] = set()
        self._since_s = timer()
        self._all_until_s = 0.0

    def __contains__(self, user_id: UUID) -> bool:
        self._turn()
        is_told = user_id in self._lately or user_id in self._before
        return is_told or self._timer() < self._all_until_s

    def add(self, user_ids: Iterable[UUID]) -> None:
        """Take note that they are being told."""
        self._turn()
        self._lately.update(user_ids)
        if len(self._lately) > MOST:
            self._lately.clear()
            self.add_all()

    def add_all(self) -> None:
        """Take note that there is something that may concern anybody."""
        self._all_until_s = self._timer() + TOLD_FOR_S

    def _turn(self) -> None:
        now_s = self._timer()
        if now_s - self._since_s < TOLD_FOR_S:
            return
        is_old = now_s - self._since_s >= 2 * TOLD_FOR_S
        self._before = set() if is_old else self._lately
        self._lately, self._since_s = set(), now_s
