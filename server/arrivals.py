"""Who is on the way in; when there are too many, clients are sent away, to come back later.

Everybody comes back at once after a restart or a broken network. What they have to wait for then
is the store, and this bounds how many wait for it. One more is refused in no time, at its handshake
(503) or, having passed that, with 1013, and told when to come back, each at another time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from actors.tally import Tally

MOST_WAITING = 2_000
"""Between their token and their greeting: as many as the embedded store lets in within the ten
seconds that clients wait, at 285 a second."""

BACK_FROM_S, BACK_TO_S = 2, 15
"""When who is sent away comes back: spread, and most of them when those before them are in."""


class Crowded(Exception):
    """There is no room for one more socket just now."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"no room, come back after {retry_after_s} s")
        self.retry_after_s = retry_after_s


class Arrivals:
    """Counts who waits to be greeted, and refuses who would be one too many."""

    def __init__(
        self,
        tally: Tally,
        here: Callable[[], int],
        *,
        most_here: int,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        """Take what tells how many sockets there are, and how many there may be."""
        self._tally = tally
        self._here = here
        self._most_here = most_here
        self._most_waiting = most_waiting
        self._waiting = 0

    def __len__(self) -> int:
        return self._waiting

    def admit(self) -> None:
        """Let a handshake in; raises Crowded."""
        if self._here() >= self._most_here:
            self._refuse()
        self._look_for_room()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count somebody who waits to be greeted; raises Crowded."""
        self._look_for_room()
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    def _look_for_room(self) -> None:
        if self._waiting >= self._most_waiting:
            self._refuse()

    def _refuse(self) -> None:
        self._tally.sockets_refused += 1
        raise Crowded(random.randint(BACK_FROM_S, BACK_TO_S))  # noqa: S311 (jitter)
