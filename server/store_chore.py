"""Embedded stores that have something to be told now and then."""

from __future__ import annotations

import structlog

from server.children import StoreChild

log = structlog.get_logger(__name__)

EVERY_S = 30.0
"""What was taken out of Redis is in its file until that is written anew, and erasure is to be
complete within a minute. It costs a fork, and a second of processor time where Redis is full."""


class StoreChore:
    """Tells a store its chore at the start and again every half minute after it took it."""

    def __init__(self, store: StoreChild) -> None:
        self._store = store
        self._telling = store.told_its_chore()
        self._due_at_s = 0.0

    def look(self, now_s: float) -> None:
        """Tell the store if it is time; never waits."""
        if self._telling is None or now_s < self._due_at_s or not self._telling.beats():
            return
        self._due_at_s = now_s + EVERY_S
        answer = self._telling.answer
        if answer.startswith(b"-") and b"in progress" not in answer:
            said = answer.decode(errors="replace").strip()
            log.warning("store_refuses_its_chore", child=self._store.name, answer=said)

    def close(self) -> None:
        """Tell it nothing more."""
        if self._telling is not None:
            self._telling.close()
