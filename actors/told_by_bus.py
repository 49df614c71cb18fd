"""What this process tells others by the bus, so that no question overtakes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from uuid import UUID

from storage.bus_streams import NONE

MOST = 1_000
"""Processes: those of some days, since each start is another."""


class ToldByBus:
    """Whom something is on its way to the streams of others about, and how far it has come there.

    About one of those nobody is asked: only the store knows. Any other question by a link is
    answered once its process has read what this one had written to its stream by then.
    """

    def __init__(self) -> None:
        self._under_way: Counter[UUID] = Counter()
        self._last: dict[str, int | None] = {}
        """Process -> the number of the last entry of its stream that is from here."""

    def begin(self, user_ids: Iterable[UUID]) -> None:
        """Take note that something about them is to be written."""
        self._under_way.update(user_ids)

    def end(self, user_ids: Iterable[UUID]) -> None:
        """Take note that it is written, or never will be."""
        for user_id in user_ids:
            left = self._under_way[user_id] - 1
            if left > 0:
                self._under_way[user_id] = left
            else:
                del self._under_way[user_id]

    def end_all(self) -> None:
        """Take note that who was to write it is no more."""
        self._under_way.clear()

    def is_under_way(self, user_id: UUID) -> bool:
        """Tell whether something about somebody is still to be written."""
        return user_id in self._under_way

    def wrote(self, process: str, number: int | None) -> None:
        """Take note of an entry in the stream of `process`, or that it had no stream to take it."""
        self._last.pop(process, None)
        self._last[process] = number
        if len(self._last) > MOST:
            del self._last[next(iter(self._last))]

    def doubt(self, process: str) -> None:
        """Take note that `process` has not found the last entry: it may have another stream."""
        self.wrote(process, None)

    def asked(self, process: str, number: int | None) -> None:
        """Take note of a question in the stream: what comes behind it comes behind all before."""
        if self.last(process) is None:
            self.wrote(process, number)

    def last(self, process: str) -> int | None:
        """Return the number of the last entry for `process`; None where that is in doubt."""
        return self._last.get(process, NONE)
