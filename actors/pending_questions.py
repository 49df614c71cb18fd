"""The questions of this process that other processes have not answered yet."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import NamedTuple
from uuid import UUID

from actors.messages import Click
from actors.questions import Answer, Inquiry, Outcome, Reply
from storage.notifications import NotInInbox

MOST = 1_000
"""Who comes then asks the store."""

_SERIALS = 1 << 32


class NotAnswered(Exception):
    """No actor elsewhere has answered.

    `is_in_doubt` where what was asked may have been done all the same.
    """

    def __init__(self, *, is_in_doubt: bool) -> None:
        super().__init__(
            "it may have been done elsewhere" if is_in_doubt else "nobody is elsewhere"
        )
        self.is_in_doubt = is_in_doubt


class Pending(NamedTuple):
    """What was asked about whom, and where its answer is waited for."""

    user_id: UUID
    message: Inquiry
    future: asyncio.Future[Reply]


class Sent(NamedTuple):
    """Which process is asked about whom, and how many questions had been sent by then."""

    user_id: UUID
    process: str
    number: int
    is_linked: bool = False
    """Whether by a link rather than by the bus."""


class PendingQuestions:
    """Each is settled once: by its answer, or because none is to come."""

    def __init__(self) -> None:
        self._pending: dict[int, Pending] = {}
        self._sent: dict[int, Sent] = {}
        """By serial, the first sent first."""
        self._sent_in_all = 0
        self._answered: dict[str, int] = {}
        """How many had been sent, to whichever process, when each last answered."""
        self._serials = count()

    def __len__(self) -> int:
        return len(self._pending)

    def __contains__(self, serial: int) -> bool:
        return serial in self._pending

    def serials(self) -> list[int]:
        """Return the numbers of all."""
        return list(self._pending)

    def open(self, user_id: UUID, message: Inquiry) -> tuple[int, asyncio.Future[Reply]]:
        """Return a number for a question, and what its reply or `NotAnswered` comes to."""
        serial = next(self._serials) % _SERIALS
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._pending[serial] = Pending(user_id, message, future)
        return serial, future

    def sent(self, serial: int, process: str, *, is_linked: bool = False) -> None:
        """Take note of which process is asked, if anybody still waits."""
        asked = self._pending.get(serial)
        if asked is not None:
            self._sent_in_all += 1
            self._sent[serial] = Sent(asked.user_id, process, self._sent_in_all, is_linked)

    def find_sent(self, serial: int) -> Sent | None:
        """Return which process is asked, if one is by now."""
        return self._sent.get(serial)

    def has_answered_since(self, sent: Sent) -> bool:
        """Tell whether the process that was asked has answered any question since."""
        return self._answered.get(sent.process, 0) >= sent.number

    def close(self, serial: int) -> None:
        """Forget a question."""
        self._pending.pop(serial, None)
        self._sent.pop(serial, None)

    def take(self, answer: Answer) -> UUID | None:
        """Settle a question by its answer; return whose it was, if their actor is not there."""
        sent = self._sent.get(answer.serial)
        if sent is not None:
            self._hear_of(sent.process)
        asked = self._closed(answer.serial)
        if asked is None:
            return None
        user_id, message, future = asked
        match answer.outcome:
            case Outcome.DONE:
                future.set_result(answer.reply_to(message))
            case Outcome.MISSING if isinstance(message, Click):
                future.set_exception(NotInInbox(message.notification_id))
            case Outcome.UNDONE:
                future.set_exception(NotAnswered(is_in_doubt=False))
                return user_id
            case Outcome.UNREAD:
                future.set_exception(NotAnswered(is_in_doubt=False))
            case _:
                future.set_exception(NotAnswered(is_in_doubt=True))
        return None

    def refuse(self, serial: int, *, is_in_doubt: bool) -> None:
        """Have no answer waited for."""
        asked = self._closed(serial)
        if asked is not None:
            asked.future.set_exception(NotAnswered(is_in_doubt=is_in_doubt))

    def refuse_all(self) -> None:
        """Have no answer waited for: what was answered may have been lost."""
        for serial in self.serials():
            self.refuse(serial, is_in_doubt=serial in self._sent)

    def refuse_linked(self, process: str) -> None:
        """Have no answer of `process` waited for that was to come by a link."""
        for serial, sent in list(self._sent.items()):
            if sent.is_linked and sent.process == process:
                self.refuse(serial, is_in_doubt=True)

    def _hear_of(self, process: str) -> None:
        if process not in self._answered:
            # Processes come and go; of each it matters only beside what was sent before.
            oldest = next(iter(self._sent.values())).number
            self._answered = {
                each: number for each, number in self._answered.items() if number >= oldest
            }
        self._answered[process] = self._sent_in_all

    def _closed(self, serial: int) -> Pending | None:
        """Close a question and return it; None when it was given up, or whoever asked has gone."""
        asked = self._pending.get(serial)
        self.close(serial)
        return None if asked is None or asked.future.done() else asked
