"""Have the actors of users who are here answer what other processes ask them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import structlog
from pykka import ActorDeadError

from actors.bus_carrier import BusCarrier, Return
from actors.bus_registrar import BusRegistrar, Forget
from actors.directory import Directory
from actors.loop_future import LoopFuture
from actors.loop_ref import LoopActorRef
from actors.mailbox import MailboxFull
from actors.messages import InTime, TooLate
from actors.notices import Questions
from actors.peers import Peers
from actors.questions import Answer, NotUnderstood, Outcome, Question
from storage.client import StoreUnavailable
from storage.notifications import NotInInbox
from storage.positions import PositionClock, to_ms

READ_WITHIN_S = 0.5
"""Much longer than it takes; who asks can do without."""

log = structlog.get_logger(__name__)


class Answering:
    """Puts questions into the mailboxes of users' actors; nobody waits here for what they reply.

    Those that wait are bounded by what each process may have pending. Who is asked about somebody
    who is not here has that registration taken off, if it is one that was left behind.
    """

    def __init__(
        self,
        directory: Directory,
        clock: PositionClock,
        peers: Peers,
        carrier: Callable[[], LoopActorRef[BusCarrier]],
        registrar: Callable[[], LoopActorRef[BusRegistrar]],
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._peers = peers
        self._carrier = carrier
        self._registrar = registrar

    def take(self, asked: Questions) -> None:
        """Have all of them answered, to the process that asks."""
        self._answer_all(asked.questions, partial(self._answer, asked.process))

    def answer_behind(
        self, number: int, questions: Sequence[Question], give: Callable[[Answer], None]
    ) -> None:
        """Have each answered, by a call of `give`, once what was told before is known here.

        That is up to entry `number` of this process's stream, to which who asks has written it.
        """

        def answer(is_handed_on: bool) -> None:
            if not self._is_current:
                # The actors here may lack what others have told.
                self.refuse(questions, give)
            elif is_handed_on:
                self._answer_all(questions, give)
            else:
                self.refuse(questions, give, Outcome.UNREAD)

        if self._is_current:
            self._peers.stream.when_handed_on(number, answer, within_s=READ_WITHIN_S)
        else:
            self.refuse(questions, give)

    def refuse(
        self,
        questions: Iterable[Question],
        give: Callable[[Answer], None],
        outcome: Outcome = Outcome.UNDONE,
    ) -> None:
        """Answer that nothing of it is done."""
        for question in questions:
            give(Answer(question.serial, outcome))

    def stop_waiting(self) -> None:
        """Answer at once, and that nothing is done, what waits to be answered."""
        self._peers.stream.give_up()

    @property
    def _is_current(self) -> bool:
        """Whether the actors here have been told all that others had to tell."""
        peers = self._peers
        return peers.is_joined and peers.is_caught_up and not peers.is_looking

    def _answer_all(self, questions: Iterable[Question], give: Callable[[Answer], None]) -> None:
        now_ms, now_s = to_ms(self._clock.store_now()), time.monotonic()
        for question in questions:
            until_s = now_s + (question.until_ms - now_ms) / 1_000
            self._ask(question, until_s, give)

    def _ask(self, question: Question, until_s: float, answer: Callable[[Answer], None]) -> None:
        serial = question.serial
        actor = self._directory.find(question.user_id)
        if actor is None:
            answer(Answer(serial, Outcome.UNDONE))
            with contextlib.suppress(ActorDeadError, MailboxFull):
                self._registrar().tell(Forget(question.user_id))
            return
        try:
            reply = actor.ask(InTime(question.message(), until_s), block=False)
        except (NotUnderstood, MailboxFull) as error:
            log.warning("question_refused", kind=question.kind, reason=repr(error))
            answer(Answer(serial, Outcome.UNDONE))
            return
        reply.when_settled(lambda settled: answer(_answer_by(serial, settled)))

    def _answer(self, process: str, answer: Answer) -> None:
        # An answer that cannot be given is not waited for very long.
        with contextlib.suppress(ActorDeadError, MailboxFull):
            self._carrier().tell(Return(process, answer))


def _answer_by(serial: int, settled: LoopFuture[Any]) -> Answer:
    try:
        return Answer.of(serial, settled.get())
    except NotInInbox:
        return Answer(serial, Outcome.MISSING)
    except TooLate:
        return Answer(serial, Outcome.UNDONE)
    except (StoreUnavailable, ActorDeadError):
        return Answer(serial, Outcome.IN_DOUBT)
    except Exception:
        # The boundary of a process: who asked cannot be raised to, and must not wait for nothing.
        log.exception("question_failed")
        return Answer(serial, Outcome.IN_DOUBT)
