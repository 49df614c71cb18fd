"""Embedded stores that run and do not answer any more."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from server.children import StoreChild

log = structlog.get_logger(__name__)

LONGEST_LOOK_S = 1.0
"""A launcher that has not run for longer, as nothing did on a machine that stood still or was busy,
knows no more of the silence in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often a store is asked, and how long it may be silent."""

    ask_every_s: float
    silent_s: float


PATIENCE = Patience(ask_every_s=5.0, silent_s=120.0)
"""Making indexes, for which all who read wait, took the embedded store 4.4 s for 12 of 10,000 rows,
and an answer came after each; to kill it then would only make it begin anew."""

MOST_SILENT_S = 3_600.0
"""After each kill it is waited for twice as long, up to this: it may need just that time."""


class StoreWatch:
    """Asks a store now and then, and kills it when it runs and has been silent for too long.

    What keeps it then sees that it died. It is killed, as it might wait for ever for what it holds
    itself. Neither the database nor Redis loses anything by that which it has acknowledged, but
    what Redis did in the turn of its loop in which it found its disk full.
    """

    def __init__(self, store: StoreChild, patience: Patience) -> None:
        self._store = store
        self._ask_every_s = patience.ask_every_s
        self._most_silent_s = patience.silent_s
        self._pulse = store.pulse()
        self._looked_at_s = 0.0
        self._ask_at_s = 0.0
        self._silent_s = 0.0

    def look(self, now_s: float) -> None:
        """See whether the store answers; never waits."""
        passed_s = min(now_s - self._looked_at_s, LONGEST_LOOK_S)
        self._looked_at_s = now_s
        if self._store.status() is not None:
            self._begin_anew(now_s)
        elif now_s < self._ask_at_s:
            return
        elif self._pulse.beats():
            self._begin_anew(now_s)
        else:
            self._silent_s += passed_s
            if self._silent_s >= self._most_silent_s:
                log.error("store_silent", child=self._store.name, silent_s=round(self._silent_s))
                self._store.kill()
                self._most_silent_s = min(2 * self._most_silent_s, MOST_SILENT_S)
                self._begin_anew(now_s)

    def close(self) -> None:
        """Ask no more."""
        self._pulse.close()

    def _begin_anew(self, now_s: float) -> None:
        self._pulse.close()
        self._silent_s = 0.0
        self._ask_at_s = now_s + self._ask_every_s
