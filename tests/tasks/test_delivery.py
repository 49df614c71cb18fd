from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from rules.deliveries import Outcome, Permanent, Reason, Sent, Transient, Uncertain
from rules.kinds import Channel
from storage.businesses import BusinessChange
from storage.positions import EPOCH, PositionClock
from storage.stores import Stores
from tasks.cap_check import CapCheck
from tasks.letter import EmailAddress, PhoneNumber
from tasks.worker_lease import WorkerLease
from tests.tasks.works import OURS, Works


async def test_what_is_queued_is_sent_and_says_so(works: Works) -> None:
    person = await works.person(name="Thandi")
    ref = await works.queue(person)
    await works.deliverer.carry_out(Channel.EMAIL, [ref])
    ((letter, to),) = works.senders[Channel.EMAIL].sent
    assert to == EmailAddress(f"{person}@example.org")
    assert (letter.notification_id, letter.recipient_name) == (ref[1], "Thandi")
    assert (letter.title, letter.locale) == ("A new review", "en")
    state = await works.state(ref)
    assert state["status"] == "sent"
    assert state["provider_message_id"] == f"provider-{ref[1]}"
    (attempt,) = state["attempts"]
    assert attempt.keys() == {"at", "ended_at", "provider_message_id"}
    assert attempt["provider_message_id"] == state["provider_message_id"]
    assert state["sent_at"] == state["attempts"][0]["ended_at"]
    assert not state.keys() & {"due_at", "claim", "owner", "epoch", "claimed_at", "attention"}


async def test_a_ref_that_comes_twice_is_sent_once(works: Works) -> None:
    ref = await works.queue(await works.person())
    await asyncio.gather(
        works.deliverer.carry_out(Channel.EMAIL, [ref]),
        works.deliverer.carry_out(Channel.EMAIL, [ref]),
    )
    await works.deliverer.carry_out(Channel.EMAIL, [ref])
    assert len(works.senders[Channel.EMAIL].sent) == 1


async def test_a_letter_names_the_business_and_who_sent_it(works: Works) -> None:
    business, owner = uuid4(), await works.person(name="Nomsa")
    fields = {"name": "Corner Bakery", "owner_id": str(owner), "logo": "https://x.example/l.png"}
    now = works.clock.store_now()
    await works.stores.businesses.apply([BusinessChange(business, fields, now)])
    ref = await works.queue(await works.person(), business_id=business, sender_id=owner)
    await works.deliverer.carry_out(Channel.EMAIL, [ref])
    ((letter, _),) = works.senders[Channel.EMAIL].sent
    assert letter.business is not None
    assert (letter.business.name, letter.sender_name) == ("Corner Bakery", "Nomsa")


@pytest.mark.parametrize(
    ("channel", "outcome", "status", "reason"),
    [
        (Channel.EMAIL, Transient("451"), "deferred", "retry"),
        (Channel.EMAIL, Permanent("550", Reason.ADDRESS_GONE), "failed", "address_gone"),
        (Channel.EMAIL, Uncertain("reset"), "deferred", "retry"),
        (Channel.SMS, Permanent("21610", Reason.OPTED_OUT), "failed", "opted_out"),
        (Channel.SMS, Uncertain("reset"), "failed", "uncertain"),
    ],
)
async def test_each_outcome_ends_as_documented(
    works: Works, channel: Channel, outcome: Outcome, status: str, reason: str
) -> None:
    works.senders[channel].act = lambda *_: outcome
    ref = await works.queue(await works.person(phone=f"+27{uuid4().int % 10**9}"), channel)
    await works.deliverer.carry_out(channel, [ref])
    state = await works.state(ref, channel)
    assert (state["status"], state["reason"]) == (status, reason)
    assert not isinstance(outcome, Sent)
    assert state["last_error"] == state["attempts"][0]["error"] == outcome.error
    assert state["attempts"][0].get("uncertain", False) is isinstance(outcome, Uncertain)
    assert ("due_at" in state) is (status == "deferred")
    assert state.get("attention", False) is (status == "failed")


async def test_the_fifth_attempt_is_the_last(works: Works) -> None:
    works.senders[Channel.EMAIL].act = lambda *_: Transient("451")
    ref = await works.queue(await works.person())
    for _ in range(5):
        await works.deliverer.carry_out(Channel.EMAIL, [ref])
        later = works.clock.store_now() + timedelta(hours=2)
        await works.stores.deliveries.requeue("email", [ref], until=later)
    state = await works.state(ref)
    assert (state["status"], state["reason"]) == ("dead", "attempts_exhausted")
    assert len(state["attempts"]) == 5
    await works.deliverer.carry_out(Channel.EMAIL, [ref])
    assert len(works.senders[Channel.EMAIL].sent) == 5


async def test_what_waits_for_its_time_is_not_sent_before(works: Works) -> None:
    ref = await works.queue(await works.person(), status="deferred")
    await works.deliverer.carry_out(Channel.EMAIL, [ref])
    assert works.senders[Channel.EMAIL].sent == []


async def test_an_address_that_is_gone_gets_nothing_more(works: Works) -> None:
    person = await works.person()
    works.senders[Channel.EMAIL].act = lambda *_: Permanent("550", Reason.ADDRESS_GONE)
    await works.deliverer.carry_out(Channel.EMAIL, [await works.queue(person)])
    second = await works.queue(person)
    await works.deliverer.carry_out(Channel.EMAIL, [second])
    assert len(works.senders[Channel.EMAIL].sent) == 1
    state = await works.state(second)
    assert (state["status"], state["reason"]) == ("suppressed", "suppressed_address")


async def test_gates_are_asked_again_when_it_is_sent(works: Works) -> None:
    muted, silent, night = [await works.person() for _ in range(3)]
    gone = uuid4()
    await works.prefer(muted, mute_all=True)
    await works.prefer(silent, email_notifications=False)
    await works.prefer(night, quiet_hours={"enabled": True, "start": "00:00", "end": "23:59"})
    refs = [await works.queue(each) for each in (muted, silent, night, gone)]
    refs.append(await works.queue(await works.person(email=None)))
    refs.append(
        await works.queue(
            await works.person(), kind="new_listing", data={"expiry_date": "2020-01-01T00:00:00Z"}
        )
    )
    await works.deliverer.carry_out(Channel.EMAIL, refs)
    assert works.senders[Channel.EMAIL].sent == []
    states = [await works.state(ref) for ref in refs]
    assert [(state["status"], state["reason"]) for state in states] == [
        ("suppressed", "mute_all"),
        ("suppressed", "channel_preference"),
        ("deferred", "quiet_hours"),
        ("suppressed", "no_address"),
        ("suppressed", "no_address"),
        ("suppressed", "no_longer_true"),
    ]
    assert all("attempts" not in state for state in states)


def a_digest(at: datetime, *hours_left: int) -> dict[str, Any]:
    """Return the data of a digest of listings that expire in so many hours."""
    listings = [
        {"listing_name": f"{hours}", "expiry_date": (at + timedelta(hours=hours)).isoformat()}
        for hours in hours_left
    ]
    until = (at + timedelta(hours=9)).isoformat()
    return {"until": until, "listings": listings, "offers": len(listings), "recently_unread": 0}


async def test_of_a_digest_what_has_gone_drops_out_and_with_nothing_left_it_is_not_sent(
    works: Works,
) -> None:
    now = works.clock.store_now()
    partly, whole, gone = [
        await works.queue(
            await works.person(), kind="weekly_digest", in_app=False, data=a_digest(now, *hours)
        )
        for hours in ((-1, 3), (2, 3), (-2, -1))
    ]
    await works.deliverer.carry_out(Channel.EMAIL, [partly, whole, gone])
    told = {
        letter.notification_id: [each["listing_name"] for each in letter.data["listings"]]
        for letter, _ in works.senders[Channel.EMAIL].sent
    }
    assert told == {partly[1]: ["3"], whole[1]: ["2", "3"]}
    state = await works.state(gone)
    assert (state["status"], state["reason"]) == ("suppressed", "no_longer_true")


async def test_what_is_blanked_by_now_is_not_sent(works: Works) -> None:
    ref = await works.queue(await works.person())
    await works.stores.aged.blank(EPOCH, works.clock.store_now() + timedelta(seconds=1))
    await works.deliverer.carry_out(Channel.EMAIL, [ref])
    assert works.senders[Channel.EMAIL].sent == []
    state = await works.state(ref)
    assert (state["status"], state["reason"]) == ("suppressed", "no_longer_true")


async def test_an_sms_goes_to_the_number(works: Works) -> None:
    ref = await works.queue(await works.person(phone="+27830000001"), Channel.SMS)
    await works.deliverer.carry_out(Channel.SMS, [ref])
    ((_, to),) = works.senders[Channel.SMS].sent
    assert to == PhoneNumber("+27830000001")


async def test_no_more_are_in_flight_than_there_are_slots(
    stores: Stores, clock: PositionClock, caps: CapCheck
) -> None:
    works = Works(stores=stores, clock=clock, caps=caps, lease=WorkerLease(OURS), concurrency=3)
    person = await works.person()
    refs = [await works.queue(person) for _ in range(10)]
    sender = works.senders[Channel.EMAIL]
    sender.gate.clear()
    carrying = asyncio.gather(
        works.deliverer.carry_out(Channel.EMAIL, refs[:5]),
        works.deliverer.carry_out(Channel.EMAIL, refs[5:]),
    )
    await sender.holds(3)
    sender.gate.set()
    await carrying
    assert (len(sender.sent), sender.most_in_flight) == (10, 3)


async def test_what_a_sender_did_not_expect_is_in_doubt_and_logged(works: Works) -> None:
    def act(*_: object) -> Outcome:
        raise KeyError("x")

    works.senders[Channel.EMAIL].act = act
    ref = await works.queue(await works.person())
    with capture_logs() as logs:
        await works.deliverer.carry_out(Channel.EMAIL, [ref])
    assert [(line["event"], line["notification_id"]) for line in logs] == [
        ("sender_failed", str(ref[1]))
    ]
    state = await works.state(ref)
    assert (state["status"], state["attempts"][0]["uncertain"]) == ("deferred", True)


async def test_a_provider_that_is_away_is_left_alone(works: Works) -> None:
    sender = works.senders[Channel.EMAIL]
    sender.act = lambda *_: Transient("503")
    person = await works.person()
    refs = [await works.queue(person) for _ in range(10)]
    await works.deliverer.carry_out(Channel.EMAIL, refs)
    assert len(sender.sent) == 10
    other = await works.queue(person)
    await works.deliverer.carry_out(Channel.EMAIL, [other])
    assert len(sender.sent) == 10
    assert (await works.state(other))["status"] == "queued"
