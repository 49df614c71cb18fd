from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase

from rules.deliveries import DeliveryStatus, Reason, Settled
from rules.feedback import Feedback, FeedbackEvent
from storage.client import Document
from storage.delivery_entries import Entry
from storage.delivery_feedback import (
    MOST_KEPT,
    TRIES,
    Addressed,
    DeliveryFeedback,
    FeedbackContended,
    Taken,
)
from storage.stores import Stores
from tests.storage.samples import NOON, OURS, SECOND, a_row

LATER = NOON + timedelta(hours=1)
CLAIM = UUID(int=7)
ATTEMPT = {"at": NOON, "ended_at": NOON + SECOND, "provider_message_id": "m-1"}
SENT = {
    "status": "sent",
    "filed": {"under": "sent", "at": NOON},
    "sent_at": NOON + SECOND,
    "provider_message_id": "m-1",
    "attempts": [ATTEMPT],
}
SENDING = {
    "status": "sending",
    "claim": CLAIM,
    "owner": OURS.owner,
    "epoch": OURS.epoch,
    "claimed_at": NOON,
    "due_at": LATER,
    "attempts": [{"at": NOON}],
}

Insert = Callable[..., Awaitable[Addressed]]


@pytest.fixture
def insert(stores: Stores) -> Insert:
    async def inserted(state: dict[str, Any], channel: str = "email") -> Addressed:
        row = a_row(uuid4(), channels={channel: state})
        await stores.notifications.insert([row])
        return Addressed(channel=channel, notification_id=row.id, recipient_id=row.recipient_id)

    return inserted


def told(event: FeedbackEvent = FeedbackEvent.DELIVERED, **more: Any) -> Feedback:
    return Feedback(**{"event": event, "provider_message_id": "m-1", "at": LATER, **more})


async def state_of(stores: Stores, whose: Addressed) -> dict[str, Any]:
    assert whose.notification_id is not None
    record = await stores.delivery_records.get(whose.notification_id, whose.channel)
    return dict(record.state)


async def test_what_was_delivered_stands_so_and_says_when(stores: Stores, insert: Insert) -> None:
    whose = await insert(SENT)
    assert await stores.delivery_feedback.take_in(whose, told(), at=LATER) is Taken.SETTLED
    assert await state_of(stores, whose) == SENT | {
        "status": "delivered",
        "filed": {"under": "delivered", "at": NOON},
        "feedback": [{"event": "delivered", "at": LATER, "provider_message_id": "m-1"}],
    }


async def test_a_bounce_says_why_and_a_failure_wants_an_operator(
    stores: Stores, insert: Insert
) -> None:
    bounced, failed = await insert(SENT), await insert(SENT, "sms")
    bounce = told(FeedbackEvent.BOUNCED, reason=Reason.ADDRESS_GONE, error="Permanent/General")
    failure = told(FeedbackEvent.FAILED, reason=Reason.REJECTED, error="30007")
    await stores.delivery_feedback.take_in(bounced, bounce, at=LATER)
    await stores.delivery_feedback.take_in(failed, failure, at=LATER)
    state = await state_of(stores, bounced)
    assert (state["status"], state["reason"]) == ("bounced", "address_gone")
    assert state["last_error"] == "Permanent/General"
    assert "attention" not in state
    state = await state_of(stores, failed)
    assert (state["status"], state["reason"], state["attention"]) == ("failed", "rejected", True)


async def test_what_is_told_again_changes_nothing(stores: Stores, insert: Insert) -> None:
    whose = await insert(SENT)
    feedback = stores.delivery_feedback
    assert await feedback.take_in(whose, told(), at=LATER) is Taken.SETTLED
    before = await state_of(stores, whose)
    assert await feedback.take_in(whose, told(at=LATER + SECOND), at=LATER) is Taken.REPEATED
    assert await state_of(stores, whose) == before
    late = told(FeedbackEvent.SENT)
    assert await feedback.take_in(whose, late, at=LATER) is Taken.RECORDED
    assert (await state_of(stores, whose))["status"] == "delivered"


async def test_all_that_is_told_at_once_counts(stores: Stores, insert: Insert) -> None:
    whose = await insert(SENT)
    taken = await asyncio.gather(
        *(
            stores.delivery_feedback.take_in(whose, told(event), at=LATER)
            for event in (FeedbackEvent.SENT, FeedbackEvent.DELIVERED, FeedbackEvent.COMPLAINED)
        )
    )
    assert Taken.SETTLED in taken
    state = await state_of(stores, whose)
    assert state["status"] == "complained"
    assert {each["event"] for each in state["feedback"]} == {"sent", "delivered", "complained"}


async def test_what_comes_before_the_worker_has_written_stays(
    stores: Stores, insert: Insert
) -> None:
    whose = await insert(SENDING)
    assert await stores.delivery_feedback.take_in(whose, told(), at=LATER) is Taken.SETTLED
    settled = await state_of(stores, whose)
    assert settled == {
        "status": "delivered",
        "filed": {"under": "delivered", "at": NOON},
        "sent_at": NOON,
        "provider_message_id": "m-1",
        "attempts": [{"at": NOON, "ended_at": LATER, "provider_message_id": "m-1"}],
        "feedback": [{"event": "delivered", "at": LATER, "provider_message_id": "m-1"}],
    }
    assert whose.notification_id is not None
    assert whose.recipient_id is not None
    entry = Entry(
        ref=(whose.recipient_id, whose.notification_id),
        stands=Settled(DeliveryStatus.SENT),
        at=LATER,
        attempt=0,
        provider_message_id="m-1",
    )
    await stores.deliveries.record("email", CLAIM, [entry])
    assert await state_of(stores, whose) == settled


async def test_what_only_delays_leaves_the_worker_its_delivery(
    stores: Stores, insert: Insert
) -> None:
    whose = await insert(SENDING)
    delay = told(FeedbackEvent.DELAYED)
    assert await stores.delivery_feedback.take_in(whose, delay, at=LATER) is Taken.RECORDED
    state = await state_of(stores, whose)
    assert (state["status"], state["claim"]) == ("sending", CLAIM)
    assert state["attempts"] == [{"at": NOON, "provider_message_id": "m-1"}]


async def test_what_was_uncertain_is_sent_after_all(stores: Stores, insert: Insert) -> None:
    attempt = {"at": NOON, "ended_at": LATER, "error": "ReadTimeoutError", "uncertain": True}
    whose = await insert(
        {
            "status": "failed",
            "reason": "uncertain",
            "attention": True,
            "last_error": "ReadTimeoutError",
            "attempts": [attempt],
        },
        "sms",
    )
    sent = told(FeedbackEvent.SENT)
    assert await stores.delivery_feedback.take_in(whose, sent, at=LATER) is Taken.SETTLED
    state = await state_of(stores, whose)
    assert (state["status"], state["sent_at"]) == ("sent", NOON)
    assert state["filed"] == {"under": "sent", "at": NOON}
    assert not state.keys() & {"reason", "attention"}
    assert state["attempts"] == [attempt | {"provider_message_id": "m-1"}]


async def test_a_message_of_before_the_retry_settles_nothing(
    stores: Stores, insert: Insert
) -> None:
    whose = await insert(
        {
            "status": "queued",
            "due_at": LATER,
            "provider_message_id": "m-1",
            "attempts": [ATTEMPT],
            "forgiven": 1,
        }
    )
    complaint = told(FeedbackEvent.COMPLAINED)
    assert await stores.delivery_feedback.take_in(whose, complaint, at=LATER) is Taken.RECORDED
    state = await state_of(stores, whose)
    assert (state["status"], state["due_at"]) == ("queued", LATER)


@pytest.mark.parametrize("field", ["notification_id", "recipient_id", "channel", "message"])
async def test_what_is_of_nothing_known_is_unmatched(
    stores: Stores, insert: Insert, field: str
) -> None:
    whose = await insert(SENT)
    values = {"channel": whose.channel, "notification_id": whose.notification_id}
    values["recipient_id"] = whose.recipient_id
    feedback = told()
    if field == "message":
        feedback = told(provider_message_id="m-2")
    else:
        values[field] = "sms" if field == "channel" else uuid4()
    other = Addressed(**values)  # type: ignore[arg-type]
    assert await stores.delivery_feedback.take_in(other, feedback, at=LATER) is Taken.UNMATCHED
    assert await state_of(stores, whose) == SENT


async def test_an_sms_is_found_by_its_id_and_any_delivery_without_its_recipient(
    stores: Stores, insert: Insert
) -> None:
    message = f"SM{uuid4()}"
    sent = SENT | {
        "provider_message_id": message,
        "attempts": [ATTEMPT | {"provider_message_id": message}],
    }
    whose = await insert(sent, "sms")
    feedback, stored = told(provider_message_id=message), stores.delivery_feedback
    by_message = Addressed(channel="sms")
    by_notification = Addressed(channel="sms", notification_id=whose.notification_id)
    for named in (by_message, by_notification):
        assert await stored.recipient_of(named, feedback) == whose.recipient_id
    other = told(provider_message_id=f"SM{uuid4()}")
    assert await stored.recipient_of(by_message, other) is None
    assert await stored.take_in(by_message, feedback, at=LATER) is Taken.SETTLED
    assert await stored.take_in(by_notification, feedback, at=LATER) is Taken.REPEATED


async def test_an_email_that_names_no_notification_is_not_looked_for(
    stores: Stores, insert: Insert
) -> None:
    whose = await insert(SENT)
    nameless = Addressed(channel="email")
    feedback = stores.delivery_feedback
    assert await feedback.recipient_of(nameless, told()) is None
    assert await feedback.take_in(nameless, told(), at=LATER) is Taken.UNMATCHED
    assert await state_of(stores, whose) == SENT


async def test_what_is_kept_of_one_delivery_is_bounded(stores: Stores, insert: Insert) -> None:
    kept = [
        {"event": "delayed", "at": NOON, "provider_message_id": f"m-{n}"}
        for n in range(2, MOST_KEPT + 2)
    ]
    whose = await insert(SENT | {"feedback": kept})
    feedback = stores.delivery_feedback
    delay = told(FeedbackEvent.DELAYED)
    assert await feedback.take_in(whose, delay, at=LATER) is Taken.REPEATED
    assert len((await state_of(stores, whose))["feedback"]) == MOST_KEPT
    assert await feedback.take_in(whose, told(), at=LATER) is Taken.SETTLED


class Overtaken(DeliveryFeedback):
    """Reads, and somebody else writes before it can."""

    reads = 0

    async def _find(self, told_of: Addressed, feedback: Feedback) -> Document | None:
        found = await super()._find(told_of, feedback)
        self.reads += 1
        await self._rows.update_one(
            {"_id": told_of.notification_id}, {"$set": {"channels.email.claim": uuid4()}}
        )
        return found


async def test_who_is_always_too_late_says_so(
    database: AsyncIOMotorDatabase[Document], stores: Stores, insert: Insert
) -> None:
    whose = await insert(SENT)
    feedback = Overtaken(database)
    with pytest.raises(FeedbackContended):
        await feedback.take_in(whose, told(), at=LATER)
    assert feedback.reads == TRIES
    assert (await state_of(stores, whose))["status"] == "sent"
