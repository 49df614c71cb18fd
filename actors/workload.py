"""Bound what a lane has in hand, and know which events those are."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID


class Workload:
    """The keys of the events that a lane of this process is running or about to.

    An event beyond it stays in MongoDB, unowned, for whoever has room.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._keys: set[UUID] = set()

    def __contains__(self, key: UUID) -> bool:
        return key in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def room(self) -> int:
        """How many more events may be taken."""
        return self._limit - len(self._keys)

    @property
    def keys(self) -> frozenset[UUID]:
        """Return the keys of the events in hand."""
        return frozenset(self._keys)

    def take(self, key: UUID) -> bool:
        """Reserve room for the event; tell whether there was any."""
        if self.room <= 0 or key in self._keys:
            return False
        self._keys.add(key)
        return True

    def let_go(self, keys: Iterable[UUID]) -> None:
        """Give back the room of events that are finished or not ours any more."""
        self._keys.difference_update(keys)
