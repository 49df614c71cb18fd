"""Those who wait to hear what becomes of events that a lane carries out."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from actors.asked import Asked
from actors.lanes import CarryOut
from actors.outcome import Outcome, Outcomes


class Askers:
    """Answers each once it is known what became of all that they asked for."""

    def __init__(self, messages: Sequence[Asked[CarryOut]]) -> None:
        self._waiting = list(messages)
        self._outcomes: dict[UUID, Outcome] = {}

    def hear(self, outcomes: Outcomes) -> None:
        """Take in what became of some events, and answer those who wait for no other."""
        self._outcomes |= outcomes
        waiting = []
        for asked in self._waiting:
            if all(event.key in self._outcomes for event in asked.message.events):
                self._answer(asked)
            else:
                waiting.append(asked)
        self._waiting = waiting

    def hear_no_more(self) -> None:
        """Answer the others with what is known: what is not was interrupted."""
        for asked in self._waiting:
            self._answer(asked)

    def _answer(self, asked: Asked[CarryOut]) -> None:
        keys = [event.key for event in asked.message.events]
        asked.reply({key: self._outcomes[key] for key in keys if key in self._outcomes})
