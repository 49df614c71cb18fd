"""The actor that carries questions to the processes where their users are, and answers back.

All that waits goes by one round trip, after one for the whereabouts of those of whom they are not
known; and without it where there is a link.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from actors.asked import Asked
from actors.batch_actor import BatchActor
from actors.notices import Answers, Heard, Questions
from actors.pending_questions import PendingQuestions
from actors.questions import Answer, Question
from actors.told_by_bus import ToldByBus
from actors.whereabouts import KnownWhereabouts
from storage.bus_streams import ENTRY_BYTES, BusStreams
from storage.redis import RedisUnavailable
from storage.registrations import Registrations


@dataclass(frozen=True, slots=True)
class Carry:
    """Have a question of this process answered by the actor of its user, wherever that is."""

    question: Question


@dataclass(frozen=True, slots=True)
class Return:
    """Give another process an answer."""

    process: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class Confirm:
    """Tell another process that what it said of who came there is known here."""

    process: str
    serial: int


Carrying: TypeAlias = Carry | Return | Confirm


class BusCarrier(BatchActor[Carrying]):
    """Writes questions and answers to the streams of the others."""

    mailbox_limit = 4_000

    def __init__(
        self,
        *,
        registrations: Registrations,
        streams: BusStreams,
        process: str,
        pending: PendingQuestions,
        whereabouts: KnownWhereabouts,
        told: ToldByBus,
        ask_by_link: Callable[[str, Question], bool],
    ) -> None:
        super().__init__()
        self._registrations = registrations
        self._streams = streams
        self._process = process
        self._pending = pending
        self._whereabouts = whereabouts
        self._told = told
        self._ask_by_link = ask_by_link

    async def on_receive_many(self, messages: Sequence[Asked[Carrying]]) -> None:
        """Carry all of them; what cannot be carried is not waited for."""
        await self._confirm(messages)
        answers: dict[str, list[Answer]] = defaultdict(list)
        questions: list[Question] = []
        for asked in messages:
            match asked.message:
                case Return(process, answer):
                    answers[process].append(answer)
                case Carry(question) if question.serial in self._pending:
                    questions.append(question)
        going = list(_portions(self._not_linked(await self._directed(questions))))
        parcels = [(process, Answers(tuple(some)).fields()) for process, some in answers.items()]
        for process, some in going:
            parcels.append((process, Questions(self._process, tuple(some)).fields()))
            for question in some:
                self._pending.sent(question.serial, process)
        try:
            found = await self._streams.add(parcels)
        except RedisUnavailable:
            for _, some in going:
                self._refuse(some, is_in_doubt=True)
            return
        for (process, some), number in zip(going, found[len(answers) :], strict=True):
            self._told.asked(process, number)
            if number is None:
                self._refuse(some, is_in_doubt=False)

    async def _confirm(self, messages: Sequence[Asked[Carrying]]) -> None:
        """Do this first: somebody is waiting to be connected. Without it they wait for a while."""
        confirmations = [each.message for each in messages if isinstance(each.message, Confirm)]
        if not confirmations:
            return
        with suppress(RedisUnavailable):
            await self._streams.add(
                [(each.process, Heard(each.serial).fields()) for each in confirmations]
            )

    def _not_linked(
        self, directed: Mapping[str, Sequence[Question]]
    ) -> Mapping[str, Sequence[Question]]:
        """Send by links what can be; return the rest."""
        rest = defaultdict(list)
        for process, questions in directed.items():
            for question in questions:
                if not self._ask_by_link(process, question):
                    rest[process].append(question)
        return rest

    async def _directed(self, questions: Sequence[Question]) -> Mapping[str, list[Question]]:
        """Return which questions go where; those that go nowhere are not waited for."""
        find = self._whereabouts.find
        unknown = {each.user_id for each in questions if find(each.user_id) is None}
        if unknown:
            await self._look_for(unknown)
        directed: dict[str, list[Question]] = defaultdict(list)
        for question in questions:
            if question.serial not in self._pending:
                # Given up while they were looked for: it counts as not done, and must not be.
                continue
            known = find(question.user_id)
            if known is None or known.process is None:
                self._pending.refuse(question.serial, is_in_doubt=False)
            elif self._whereabouts.is_there(known.process):
                directed[known.process].append(question)
            else:
                self._refuse([question], is_in_doubt=False)
        return directed

    async def _look_for(self, user_ids: Collection[UUID]) -> None:
        try:
            registered = await self._registrations.find(user_ids)
        except RedisUnavailable:
            return
        # The first by name of those who are there, so that all ask the same one.
        for user_id in user_ids:
            self._whereabouts.keep(
                user_id,
                min(
                    (
                        process
                        for process, users in registered.items()
                        if user_id in users and self._whereabouts.is_there(process)
                    ),
                    default=None,
                ),
            )

    def _refuse(self, questions: Iterable[Question], *, is_in_doubt: bool) -> None:
        for question in questions:
            self._whereabouts.forget(question.user_id)
            self._pending.refuse(question.serial, is_in_doubt=is_in_doubt)


def _portions(
    directed: Mapping[str, Sequence[Question]],
) -> Iterator[tuple[str, Sequence[Question]]]:
    """Yield the questions of each parcel, with the process that it goes to."""
    for process, questions in directed.items():
        portion: list[Question] = []
        portion_bytes = 0
        for question in questions:
            if portion and portion_bytes + len(question.body) > ENTRY_BYTES:
                yield process, portion
                portion, portion_bytes = [], 0
            portion.append(question)
            portion_bytes += len(question.body)
        yield process, portion
