"""How many exports run at once: each reads much, for as long as somebody takes to read it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

MOST_AT_ONCE = 8
"""Of one process: they share the connections to the store with everything else."""


class ExportsBusy(Exception):
    """One of this user is running, or as many as there is room for."""


class Exports:
    """The exports that are running in this process."""

    def __init__(self) -> None:
        self._running: set[UUID] = set()

    @contextmanager
    def running(self, user_id: UUID) -> Iterator[None]:
        """Count the export of `user_id` while inside; raise ExportsBusy when it has to wait."""
        if user_id in self._running or len(self._running) >= MOST_AT_ONCE:
            raise ExportsBusy
        self._running.add(user_id)
        try:
            yield
        finally:
            self._running.discard(user_id)
