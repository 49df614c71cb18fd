"""What a process may have to others: a way to ask them that is shorter than the bus."""

from __future__ import annotations

from typing import Protocol

from actors.questions import Question


class Links(Protocol):
    """The ways to those processes to which there is one."""

    def ask(self, process: str, question: Question, *, behind: int) -> bool:
        """Send a question to `process`; tell whether it is on its way.

        It is to be answered behind the entry of the number `behind` of its stream. The answer comes
        to `Elsewhere.take`, or `Elsewhere.lose` says that the way was lost.
        """

    def has_died(self, process: str) -> bool:
        """Tell whether `process` was on this machine and is surely no more."""
