"""Whatever becomes of a question at the actor that is asked, whoever asks hears of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from pykka import ActorDeadError
from structlog.testing import capture_logs

from actors.answering import Answering
from actors.bus_carrier import Return
from actors.bus_registrar import Forget
from actors.directory import Directory
from actors.loop_actor import LoopActor
from actors.mailbox import MailboxFull
from actors.messages import Attach, InboxCounts, InTime, Marked, TooLate
from actors.notices import Questions
from actors.peers import Peers
from actors.questions import Answer, Kind, Outcome, Question
from storage.client import StoreUnavailable
from storage.notifications import NotInInbox
from storage.positions import PositionClock, to_ms
from tests.storage.samples import SECOND
from tests.support.actors import RecordingConnection
from tests.support.bus import until

USER = UUID(int=1)


class Answerer(LoopActor):
    """A user's actor whose replies are known beforehand."""

    def __init__(self, reply: Any) -> None:
        super().__init__()
        self._reply = reply

    def on_receive(self, message: Any) -> Any:
        match message:
            case Attach():
                return None
            case InTime() if isinstance(self._reply, Exception):
                raise self._reply
        return self._reply


class RecordingActor:
    """An actor that keeps what it is told, or has no room."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.failure: Exception | None = None

    def tell(self, message: Any) -> None:
        """Keep the message."""
        if self.failure is not None:
            raise self.failure
        self.told.append(message)


async def answering(reply: Any, carrier: Any, registrar: Any = None) -> tuple[Answering, Directory]:
    """Return what has the actor of a user, who is here, asked."""

    def start(user_id: UUID, *, on_idle: Callable[[], None], on_broken: Callable[[], None]) -> Any:
        return Answerer.start(reply)

    directory = Directory(start)
    await directory.attach(USER, RecordingConnection())
    clock = PositionClock()
    asked = Answering(
        directory,
        clock,
        Peers(clock.store_now()),
        carrier=lambda: carrier,
        registrar=lambda: registrar,
    )
    return asked, directory


def questions(count: int = 1) -> Questions:
    """Return questions of the unread count."""
    until_ms = to_ms(PositionClock().store_now() + 30 * SECOND)
    asked = (Question(number, USER, until_ms, Kind.UNREAD, b"") for number in range(count))
    return Questions("left#1", tuple(asked))


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        (3, Answer(0, Outcome.DONE, 3)),
        (Marked(1, 2), Answer(0, Outcome.DONE, 1, 2)),
        (InboxCounts(4, None), Answer(0, Outcome.DONE, 4)),
        (NotInInbox(USER), Answer(0, Outcome.MISSING)),
        (TooLate("MarkRead"), Answer(0, Outcome.UNDONE)),
        (StoreUnavailable("deadline"), Answer(0, Outcome.IN_DOUBT)),
        (ZeroDivisionError(), Answer(0, Outcome.IN_DOUBT)),
    ],
    ids=repr,
)
async def test_what_the_actor_replies_or_raises_is_answered(reply: Any, answer: Answer) -> None:
    carrier = RecordingActor()
    asked, directory = await answering(reply, carrier)
    with capture_logs() as lines:
        asked.take(questions())
        await until(lambda: carrier.told)
    assert carrier.told == [Return("left#1", answer)]
    is_fault = isinstance(reply, ZeroDivisionError)
    assert [line["event"] for line in lines] == ["question_failed"] * is_fault
    await end(directory)


async def test_an_actor_that_ends_or_is_full_is_no_actor() -> None:
    carrier = RecordingActor()
    asked, directory = await answering(1, carrier)
    with capture_logs() as lines:
        asked.take(questions(Answerer.mailbox_limit + 1))
        await until(lambda: len(carrier.told) == Answerer.mailbox_limit + 1)
    assert carrier.told[0].answer == Answer(Answerer.mailbox_limit, Outcome.UNDONE)
    assert [line["event"] for line in lines] == ["question_refused"]
    ref = directory.find(USER)
    assert ref is not None
    await ref.stop_and_wait(deadline_s=5)
    asked.take(questions())
    await until(lambda: carrier.told[-1].answer.outcome == Outcome.IN_DOUBT)


@pytest.mark.parametrize(
    "failure", [MailboxFull("carrier", 1), ActorDeadError("carrier")], ids=["full", "dead"]
)
async def test_an_answer_that_cannot_be_carried_is_dropped(
    failure: Exception,
) -> None:
    carrier = RecordingActor()
    asked, directory = await answering(1, carrier, RecordingActor())
    carrier.failure = failure
    stranger = replace(questions(), questions=(Question(9, UUID(int=2), 0, Kind.UNREAD, b""),))
    asked.take(stranger)
    carrier.failure = None
    asked.take(questions())
    await until(lambda: carrier.told == [Return("left#1", Answer(0, Outcome.DONE, 1))])
    await end(directory)


@pytest.mark.parametrize(
    "failure", [None, MailboxFull("registrar", 1), ActorDeadError("registrar")], ids=repr
)
async def test_who_is_asked_about_somebody_who_has_left_has_them_forgotten(
    failure: Exception | None,
) -> None:
    carrier, registrar = RecordingActor(), RecordingActor()
    asked, directory = await answering(1, carrier, registrar)
    registrar.failure = failure
    stranger = UUID(int=2)
    asked.take(Questions("left#1", (Question(9, stranger, 0, Kind.UNREAD, b""),)))
    assert carrier.told == [Return("left#1", Answer(9, Outcome.UNDONE))]
    assert registrar.told == ([] if failure else [Forget(stranger)])
    await end(directory)


async def end(directory: Directory) -> None:
    """End the user's actor."""
    ref = directory.find(USER)
    assert ref is not None
    await ref.stop_and_wait(deadline_s=5)
