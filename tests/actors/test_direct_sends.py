"""Whoever sends directly learns what became of it, whoever carries it out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from actors.direct_sends import DirectSends, SendFailed, SendUnfinished, Sent
from actors.dispatcher import Accept, Accepted
from actors.flows.direct_sends import DirectSend
from actors.loop_actor import LoopActor
from actors.loop_future import LoopFuture
from actors.loop_ref import LoopActorRef
from actors.outcome import DailyCapReached, Outcome
from rules.events import Lane
from rules.ids import notification_id, request_key
from rules.kinds import Channel
from storage.positions import PositionClock
from storage.stores import Stores
from storage.users import UserNotFound
from tests.storage.samples import OURS, a_row

SOON_S = 30.0
SEND = DirectSend(
    sender_id=uuid4(),
    sender_type="service",
    recipient_id=uuid4(),
    kind="interaction_confirmed",
    title="Confirmed",
    message="At noon",
    data={},
    action_buttons=[],
    image_url=None,
    priority="normal",
    channels=None,
)


class Desk(LoopActor):
    """A dispatcher that stores events as ours, and whose lanes do what the test says."""

    mailbox_limit = 10

    def __init__(self, stores: Stores) -> None:
        super().__init__()
        self._stores = stores
        self.outcome: Outcome | None = None
        self.is_taken = True
        self.then: Callable[[UUID], Any] | None = None
        self.is_answering = True
        self.gate = asyncio.Event()

    async def on_receive(self, message: Any) -> Accepted:
        assert isinstance(message, Accept)
        (event,) = message.events
        if not self.is_answering:
            await self.gate.wait()
        new = await self._stores.events.accept(
            [replace(event, lease=OURS)], accepted_at=PositionClock().store_now()
        )
        if self.then is not None:
            await self.then(event.key)
        if not self.is_taken:
            return Accepted(len(new), 1 - len(new))
        future: LoopFuture[Any] = LoopFuture()
        if self.is_answering:
            future.set({} if self.outcome is None else {event.key: self.outcome})
        return Accepted(len(new), 1 - len(new), {Lane(event.lane): future})


class Sender:
    """Sends by way of a desk."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.desk = Desk(stores)
        self.desk._start_actor_loop()
        self.ref: LoopActorRef[Any] = self.desk.actor_ref
        self.work_id = uuid4()
        self.send_within_s = SOON_S

    async def send(self, send: DirectSend = SEND) -> Sent:
        direct_sends = DirectSends(
            lambda: self.ref,
            self.stores.events,
            self.stores.notifications,
            PositionClock(),
            send_within_s=self.send_within_s,
        )
        return await direct_sends.send(self.work_id, send)

    async def finish(self, key: UUID, refusal: str | None = None) -> None:
        at = PositionClock().store_now()
        await self.stores.events.finish_all([key], OURS, at=at, refusal=refusal)

    async def insert_row(self, key: UUID) -> None:
        """Do what another process does."""
        progress = await self.stores.events.progress(key)
        assert progress is not None
        row_id = notification_id(key, SEND.kind, SEND.recipient_id, progress.accepted_at)
        await self.stores.notifications.insert([a_row(SEND.recipient_id, id=row_id)])


@pytest.fixture
async def sender(stores: Stores) -> AsyncIterator[Sender]:
    made = Sender(stores)
    yield made
    await made.ref.stop_and_wait(deadline_s=SOON_S)


async def test_what_a_lane_here_made_is_the_answer(sender: Sender) -> None:
    row = a_row(SEND.recipient_id)
    sender.desk.outcome = Outcome(rows=(row,))
    assert (await sender.send()).row == row


@pytest.mark.parametrize("failure", [UserNotFound(uuid4()), DailyCapReached(uuid4())])
async def test_why_a_lane_here_made_nothing_is_raised(sender: Sender, failure: Exception) -> None:
    sender.desk.outcome = Outcome(failure=failure)
    with pytest.raises(type(failure)) as raised:
        await sender.send()
    assert raised.value is failure


async def test_what_is_tried_again_later_is_not_waited_for(sender: Sender) -> None:
    sender.desk.outcome = Outcome(failure=ZeroDivisionError(), is_final=False)
    with pytest.raises(SendUnfinished) as raised:
        await sender.send()
    assert raised.value.event_key == request_key(sender.work_id)


@pytest.mark.parametrize("is_taken", [True, False])
async def test_what_is_carried_out_elsewhere_is_found(sender: Sender, is_taken: bool) -> None:
    """No lane here had room, or the one that had was interrupted."""
    sender.desk.is_taken = is_taken

    async def carry_out(key: UUID) -> None:
        await sender.insert_row(key)
        await sender.finish(key)

    sender.desk.then = carry_out
    row = (await sender.send()).row
    assert row.recipient_id == SEND.recipient_id
    # A try after that finds the same.
    sender.desk.then = None
    sender.desk.is_taken = False
    assert (await sender.send()).row == row


@pytest.mark.parametrize(
    ("refusal", "failure"), [("unknown_recipient", UserNotFound), ("daily_cap", DailyCapReached)]
)
async def test_why_nothing_was_made_elsewhere_is_found(
    sender: Sender, refusal: str, failure: type[Exception]
) -> None:
    sender.desk.is_taken = False
    sender.desk.then = lambda key: sender.finish(key, refusal)
    with pytest.raises(failure):
        await sender.send()


async def test_what_was_given_up_has_failed(sender: Sender) -> None:
    sender.desk.is_taken = False
    sender.desk.then = lambda key: sender.stores.events.fail(
        key, OURS, error="Blunder", at=PositionClock().store_now()
    )
    with pytest.raises(SendFailed) as raised:
        await sender.send()
    assert raised.value.event_key == request_key(sender.work_id)


async def test_whose_row_is_gone_is_nobody_any_more(sender: Sender) -> None:
    sender.desk.is_taken = False
    sender.desk.then = sender.finish
    with pytest.raises(UserNotFound):
        await sender.send()


async def test_nobody_waits_for_a_dispatcher_or_a_lane_for_ever(sender: Sender) -> None:
    sender.send_within_s = 0.05
    sender.desk.is_answering = False
    with pytest.raises(SendUnfinished):
        await sender.send()
    # Whoever waits for the lane has waited for the dispatcher before.
    sender.send_within_s = 2.0
    sender.desk.gate.set()
    with pytest.raises(SendUnfinished):
        await sender.send()


async def test_what_is_not_carried_out_yet_is_looked_at_again(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender.desk.is_taken = False
    look = sender.stores.events.progress
    seen: list[str] = []

    async def looking(key: UUID) -> Any:
        progress = await look(key)
        assert progress is not None
        seen.append(progress.state)
        if seen == ["pending"]:
            await sender.insert_row(key)
            await sender.finish(key)
        return progress

    monkeypatch.setattr(sender.stores.events, "progress", looking)
    assert (await sender.send()).row.recipient_id == SEND.recipient_id
    assert seen == ["pending", "pending", "done"]


async def test_nobody_waits_for_ever(sender: Sender) -> None:
    sender.desk.is_taken = False
    sender.send_within_s = 0.05
    with pytest.raises(SendUnfinished):
        await sender.send()


def test_an_event_of_a_send_is_the_same_for_the_same_work() -> None:
    work_id, at = uuid4(), PositionClock().store_now()
    assert SEND.event(work_id, at=at) == SEND.event(work_id, at=at)
    assert SEND.event(work_id, at=at).key != SEND.event(uuid4(), at=at).key


def test_what_is_critical_goes_by_the_lane_of_the_critical() -> None:
    at = PositionClock().store_now()
    lanes = [
        replace(SEND, priority=priority).event(uuid4(), at=at).lane
        for priority in ("normal", "critical")
    ]
    assert lanes == ["single", "critical"]


def test_the_data_of_an_event_is_what_json_can_say() -> None:
    send = replace(SEND, channels=(Channel.EMAIL, Channel.SMS))
    assert send.as_data()["channels"] == ["email", "sms"]
    assert send.as_data()["recipient_id"] == str(SEND.recipient_id)
    assert SEND.as_data()["channels"] is None
