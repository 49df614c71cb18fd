"""Ask the actor of somebody who is connected to another process, as if it were here.

Each question names a moment after which it is not to be begun, well before its asker gives it up:
what was given up is done by the store, and must not be done once more much later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from uuid import UUID

import structlog
from pykka import ActorDeadError

from actors.bus_carrier import BusCarrier, Carry
from actors.links import Links
from actors.loop_ref import LoopActorRef
from actors.mailbox import MailboxFull
from actors.messages import CountInbox, CountUnread, TellState
from actors.peers import Peers
from actors.pending_questions import MOST, NotAnswered, PendingQuestions
from actors.questions import Answer, Inquiry, Outcome, Question, Reply
from actors.whereabouts import KnownWhereabouts
from storage.bus_streams import ENTRY_BYTES
from storage.positions import PositionClock

ANSWER_WITHIN_S = 3.0
"""Below the deadline of a request, so that there is time to do without."""

BEGIN_WITHIN = timedelta(seconds=2)
"""Of clocks that are each kept to the store's."""

MOST_BYTES = ENTRY_BYTES
"""Of one question: a thousand ids, which is what a request may have, are 16,000."""

COUNTING = (CountUnread, CountInbox, TellState)
"""What the store answers as well for somebody who was not connected a moment ago."""

log = structlog.get_logger(__name__)


class Elsewhere:
    """The actors of users who are connected to other processes."""

    def __init__(
        self,
        peers: Peers,
        clock: PositionClock,
        carrier: Callable[[], LoopActorRef[BusCarrier]],
        links: Links | None = None,
        *,
        answer_within_s: float = ANSWER_WITHIN_S,
        begin_within: timedelta = BEGIN_WITHIN,
    ) -> None:
        self._peers = peers
        self._clock = clock
        self._carrier = carrier
        self._links = links
        self._answer_within_s = answer_within_s
        self._begin_within = begin_within
        self.pending = PendingQuestions()
        self.whereabouts = KnownWhereabouts(peers)

    async def ask(self, user_id: UUID, message: Inquiry, *, within_s: float | None = None) -> Reply:
        """Return what the actor of `user_id` replies to `message`, or raise what it raised.

        Raises NotAnswered, soon when there is nobody to ask. Who does not want to wait as long as
        that process may take says so by `within_s`.
        """
        if not self._may_be_asked(user_id, message):
            raise NotAnswered(is_in_doubt=False)
        serial, future = self.pending.open(user_id, message)
        call_later = asyncio.get_running_loop().call_later
        if within_s is not None and within_s < self._answer_within_s:
            timer = call_later(within_s, partial(self.pending.refuse, serial, is_in_doubt=True))
        else:
            timer = call_later(self._answer_within_s, self._give_up, serial)
        try:
            self._send(serial, user_id, message)
            return await future
        finally:
            timer.cancel()
            self.pending.close(serial)

    def take(self, answer: Answer) -> None:
        """Take in the answer of another process."""
        sent = self.pending.find_sent(answer.serial)
        if sent is not None and answer.outcome == Outcome.UNREAD:
            self._peers.told.doubt(sent.process)
        moved = self.pending.take(answer)
        if moved is not None:
            self.whereabouts.forget(moved)

    def lose(self, process: str) -> None:
        """Do without `process` for a while: the link to it was lost, and it has gone, as a rule."""
        self.whereabouts.give_up(process)
        self.pending.refuse_linked(process)

    def has_died(self, process: str) -> bool:
        """Tell whether `process` is surely no more."""
        return self._links is not None and self._links.has_died(process)

    def ask_by_link(self, process: str, question: Question) -> bool:
        """Send a question the short way; tell whether it is on its way.

        Not while it cannot be said what it has to come behind.
        """
        last = self._peers.told.last(process)
        if self._links is None or last is None:
            return False
        if not self._links.ask(process, question, behind=last):
            return False
        self.pending.sent(question.serial, process, is_linked=True)
        return True

    def _may_be_asked(self, user_id: UUID, message: Inquiry) -> bool:
        peers = self._peers
        if not peers.others or not peers.is_joined:
            return False
        if peers.lost_since is not None or peers.is_confessing or peers.told.is_under_way(user_id):
            # Whoever is asked would not know yet what this process has done.
            return False
        if len(self.pending) >= MOST:
            return False
        known = self.whereabouts.find(user_id)
        if known is not None and known.process is None:
            if isinstance(message, COUNTING):
                return False
            # Who has come meanwhile must not be told an old count once this is answered.
            self.whereabouts.forget(user_id)
        return True

    def _send(self, serial: int, user_id: UUID, message: Inquiry) -> None:
        now = self._clock.store_now()
        question = Question.of(serial, user_id, message, now=now, until=now + self._begin_within)
        if len(question.body) > MOST_BYTES:
            raise NotAnswered(is_in_doubt=False)
        process = self._known_process(user_id)
        if process is not None and self.ask_by_link(process, question):
            return
        try:
            self._carrier().tell(Carry(question))
        except (ActorDeadError, MailboxFull):
            raise NotAnswered(is_in_doubt=False) from None

    def _known_process(self, user_id: UUID) -> str | None:
        """Return which process is to be asked, where that is known."""
        known = self.whereabouts.find(user_id)
        if known is None or known.process is None or not self.whereabouts.is_there(known.process):
            return None
        return known.process

    def _give_up(self, serial: int) -> None:
        """Do without an answer, and for a while without the process that owes it.

        Not without one that has answered any question since it was asked: then it is this one
        inbox that is slow.
        """
        sent = self.pending.find_sent(serial)
        if sent is not None:
            if self.pending.has_answered_since(sent):
                log.warning("inbox_slow", process=sent.process, user_id=str(sent.user_id))
                self.whereabouts.forget(sent.user_id)
            else:
                if not self.whereabouts.is_silent(sent.process):
                    log.warning("not_answered", process=sent.process)
                self.whereabouts.give_up(sent.process)
        self.pending.refuse(serial, is_in_doubt=sent is not None)
