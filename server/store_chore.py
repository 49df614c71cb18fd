"""Tell embedded stores now and then what they do not do by themselves."""

from __future__ import annotations

import structlog

from rules.backoff import doubled
from server.children import StoreChild

log = structlog.get_logger(__name__)

EVERY_S = 30.0
"""What was taken out of Redis is in its file until that is written anew, and erasure is to be
complete within a minute. It costs a fork, and a second of processor time where Redis is full."""

LONGEST_S = 3_600.0
"""Each rewriting that fails leaves a file more until one does not, so the next is waited for twice
as long, up to this."""


class StoreChore:
    """Tells a store its chore at the start, and again every half minute after it took it.

    Before each it asks what became of the last: that is not known when the store takes it.
    """

    def __init__(self, store: StoreChild) -> None:
        self._store = store
        self._telling = store.told_its_chore()
        self._review = store.asked_of_its_chore()
        self._is_reviewed = False
        self._failures = 0
        self._due_at_s = 0.0

    def look(self, now_s: float) -> None:
        """Tell the store if it is time; never waits."""
        if now_s < self._due_at_s:
            return
        if not self._is_reviewed:
            if not self._review.beats():
                return
            self._is_reviewed = True
            self._count_failures()
        if not self._telling.beats():
            return
        self._is_reviewed = False
        self._due_at_s = now_s + self._wait_s()
        answer = self._telling.answer
        if answer.startswith(b"-") and b"in progress" not in answer:
            said = answer.decode(errors="replace").strip()
            log.warning("store_refuses_its_chore", child=self._store.name, answer=said)

    def close(self) -> None:
        """Tell it nothing more."""
        self._review.close()
        self._telling.close()

    def _count_failures(self) -> None:
        if not self._store.has_failed(self._review.answer):
            self._failures = 0
            return
        self._failures += 1
        log.error("store_chore_failed", child=self._store.name, again_in_s=self._wait_s())

    def _wait_s(self) -> float:
        return doubled(EVERY_S, times=self._failures, longest_s=LONGEST_S)
