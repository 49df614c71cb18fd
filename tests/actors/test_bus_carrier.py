"""What nobody waits for any more is not carried."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest

from actors.bus_carrier import BusCarrier, Carry
from actors.messages import CountUnread
from actors.peers import Peers
from actors.pending_questions import NotAnswered, PendingQuestions
from actors.questions import Question
from actors.whereabouts import KnownWhereabouts
from tests.storage.samples import NOON

LEFT = "left#1"


class SlowRegistrations:
    """Registrations by which everybody is elsewhere, found when all has been given up."""

    def __init__(self, pending: PendingQuestions) -> None:
        self._pending = pending

    async def find(self, user_ids: Collection[UUID]) -> Mapping[str, set[UUID]]:
        self._pending.refuse_all()
        return {LEFT: set(user_ids)}


class RecordingStreams:
    """Streams that keep what is added."""

    def __init__(self) -> None:
        self.added: list[Any] = []

    async def add(self, parcels: Collection[Any]) -> list[int | None]:
        self.added += parcels
        return [0] * len(parcels)


async def test_what_is_given_up_while_its_user_is_looked_for_is_not_carried() -> None:
    """Whoever asked was told that it is certainly not done."""
    pending, peers = PendingQuestions(), Peers(NOON)
    peers.know({LEFT}, asked_at_s=0.0)
    streams: Any = RecordingStreams()
    slow: Any = SlowRegistrations(pending)
    carrier = BusCarrier.start(
        registrations=slow,
        streams=streams,
        process="right#1",
        pending=pending,
        whereabouts=KnownWhereabouts(peers),
        told=peers.told,
        ask_by_link=lambda *_: False,
    )
    user_id, message = uuid4(), CountUnread()
    serial, future = pending.open(user_id, message)
    carrier.tell(Carry(Question.of(serial, user_id, message, now=NOON, until=NOON)))
    with pytest.raises(NotAnswered) as raised:
        await future
    assert not raised.value.is_in_doubt
    await carrier.stop_and_wait(deadline_s=5)
    assert streams.added == []
