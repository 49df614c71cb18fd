"""What a process may have to others: a way to ask them that is shorter than the bus."""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Protocol
from uuid import UUID

from actors.questions import Question

TOLD_FOR_S = 5.0
"""Much longer than it takes to be read what was told by the bus."""


class Links(Protocol):
    """The ways to those processes to which there is one."""

    def ask(self, process: str, question: Question) -> bool:
        """Send a question to `process`; tell whether it is on its way.

        It is answered by `Elsewhere.take`, or `Elsewhere.lose` says that the way was lost.
        """


class NoLinks:
    """There is only the bus."""

    def ask(self, process: str, question: Question) -> bool:
        """Send nothing."""
        return False


class ToldLately:
    """Whom this process has told something by the bus a moment ago.

    What they are asked has to come behind it, or this process would not find what it has done
    itself. Each is remembered for five to ten seconds.
    """

    def __init__(self, *, timer: Callable[[], float] = time.monotonic) -> None:
        self._timer = timer
        self._lately: set[UUID] = set()
        self._before: set[UUID] = set()
        self._since_s = timer()

    def __contains__(self, user_id: UUID) -> bool:
        self._turn()
        return user_id in self._lately or user_id in self._before

    def add(self, user_ids: AbstractSet[UUID]) -> None:
        """Take note that they are being told."""
        self._turn()
        self._lately |= user_ids

    def _turn(self) -> None:
        now_s = self._timer()
        if now_s - self._since_s < TOLD_FOR_S:
            return
        is_old = now_s - self._since_s >= 2 * TOLD_FOR_S
        self._before = set() if is_old else self._lately
        self._lately, self._since_s = set(), now_s
