"""What somebody asked for is told as asked, and a schedule learns when nothing came of it."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from actors.flows.direct_sends import DirectSend, NotificationRequested
from actors.flows.plan import Plan
from actors.outcome import DailyCapReached, Outcome
from rules.kinds import Channel
from storage.events import StoredEvent
from storage.scheduled_sends import Schedule
from storage.stores import Stores
from storage.users import UserNotFound
from tests.actors.conftest import cipher, clock, database, stores
from tests.storage.samples import NOON

__all__ = ["cipher", "clock", "database", "stores"]

SEND = DirectSend(
    sender_id=uuid4(),
    sender_type="admin",
    recipient_id=uuid4(),
    kind="pickup_reminder",
    title="Pickup",
    message="In an hour",
    data={"order": 7},
    action_buttons=[{"text": "Go", "action": "go"}],
    image_url="https://example.org/a.png",
    priority="critical",
    channels=(Channel.IN_APP, Channel.SMS),
)


@pytest.fixture
def flow(stores: Stores) -> NotificationRequested:
    return NotificationRequested(stores.scheduled_sends)


def stored(send: DirectSend) -> StoredEvent:
    return send.event(uuid4(), at=NOON).stored(NOON)


async def test_the_recipient_is_told_what_was_asked_for(flow: NotificationRequested) -> None:
    plain = replace(SEND, channels=None)
    first, second = await flow.plan([stored(SEND), stored(plain)])
    assert isinstance(first, Plan)
    (tell,) = first.tells
    content = tell.content
    assert tell.recipient_ids == (SEND.recipient_id,)
    assert tell.channels == SEND.channels
    assert tell.is_for_known_only
    assert tell.is_refused_over_cap
    assert (content.kind.name, content.priority) == (SEND.kind, SEND.priority)
    assert (content.title, content.message) == (SEND.title, SEND.message)
    assert (content.data, content.action_buttons) == (SEND.data, SEND.action_buttons)
    assert content.image_url == SEND.image_url
    assert (content.sender_id, content.sender_type) == (SEND.sender_id, "admin")
    assert isinstance(second, Plan)
    assert second.tells[0].channels is None


async def test_a_schedule_of_which_nothing_came_has_failed(
    flow: NotificationRequested, stores: Stores
) -> None:
    sender = uuid4()
    schedules = [
        Schedule(
            id=uuid4(),
            sender=sender,
            recipient_id=SEND.recipient_id,
            kind=SEND.kind,
            title=SEND.title,
            send_at=NOON,
            created_at=NOON,
        )
        for _ in range(3)
    ]
    for schedule in schedules:
        await stores.scheduled_sends.add(
            schedule, SEND.scheduled_event(schedule.id, at=NOON), now=NOON
        )
    claimed = await stores.schedules.claim(
        [schedule.id for schedule in schedules], by=NOON, now=NOON
    )
    by_id = {each.id: each.event.stored(NOON) for each in claimed}
    events = [by_id[schedule.id] for schedule in schedules]
    unscheduled = stored(SEND)
    failures = (None, UserNotFound(SEND.recipient_id), DailyCapReached(SEND.recipient_id))
    outcomes = {
        event.key: Outcome(failure=failure) for event, failure in zip(events, failures, strict=True)
    }
    outcomes[unscheduled.key] = Outcome(failure=UserNotFound(SEND.recipient_id))
    await flow.settle([*events, unscheduled], outcomes)
    page = await stores.scheduled_sends.page(sender, page=1, page_size=10)
    statuses = {schedule.id: schedule.status for schedule in page.schedules}
    assert [statuses[schedule.id] for schedule in schedules] == ["sent", "failed", "failed"]
