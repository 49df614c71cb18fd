"""With which other process somebody was last known to be: where to ask, and no more than that."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from actors.peers import Peers

REMEMBERED = 20_000
"""Users: about 5 MB."""

KNOWN_FOR_S = 60.0
"""Whoever is asked says so when the user has left, and then it is forgotten."""

NOWHERE_FOR_S = 2.0
"""Somebody who comes meanwhile is, for as long, counted as one who is not connected."""

SILENT_FOR_S = 10.0
"""How long nobody is taken to be with a process that left something unanswered."""


class Whereabouts(NamedTuple):
    """With which process somebody is, or None, and until when that is believed."""

    process: str | None
    until_s: float


class KnownWhereabouts:
    """The whereabouts of those who were looked for lately."""

    def __init__(self, peers: Peers, *, timer: Callable[[], float] = time.monotonic) -> None:
        self._peers = peers
        self._timer = timer
        self._known: OrderedDict[UUID, Whereabouts] = OrderedDict()
        self._silent_until_s: dict[str, float] = {}

    def find(self, user_id: UUID) -> Whereabouts | None:
        """Return what is known of `user_id`; None when they have to be looked for."""
        known = self._known.get(user_id)
        if known is None or known.until_s <= self._timer():
            return None
        return known

    def keep(self, user_id: UUID, process: str | None) -> None:
        """Take note of where `user_id` is, if anywhere."""
        kept_for_s = NOWHERE_FOR_S if process is None else KNOWN_FOR_S
        self._known[user_id] = Whereabouts(process, self._timer() + kept_for_s)
        self._known.move_to_end(user_id)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def forget(self, user_id: UUID) -> None:
        """Have `user_id` looked for the next time."""
        self._known.pop(user_id, None)

    def give_up(self, process: str) -> None:
        """Ask `process` nothing for a while."""
        now_s = self._timer()
        self._silent_until_s = {
            each: until_s for each, until_s in self._silent_until_s.items() if until_s > now_s
        }
        self._silent_until_s[process] = now_s + SILENT_FOR_S

    def is_there(self, process: str) -> bool:
        """Tell whether `process` can be asked."""
        return process in self._peers.others and not self.is_silent(process)

    def is_silent(self, process: str) -> bool:
        """Tell whether `process` was given up lately."""
        return self._silent_until_s.get(process, 0.0) > self._timer()
