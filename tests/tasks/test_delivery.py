from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from rules.deliveries import Outcome, Permanent, Reason, Sent, Transient, Uncertain
from rules.kinds import Channel
from rules.lease import Lease
from storage.businesses import BusinessChange
from storage.positions import EPOCH, PositionClock
from storage.stores import Stores
from tasks.cap_check import CapCheck
from tasks.letter import Destination, Device, EmailAddress, Letter, PhoneNumber
from tasks.worker_lease import PERMITTED_FOR_S, WorkerLease
from tests.support.world import eventually
from tests.tasks.works import Works

OURS = Lease("tests/worker", 1)


@pytest.fixture
def works(stores: Stores, clock: PositionClock, caps: CapCheck) -> Works:
    return Works(stores=stores, clock=clock, caps=caps, lease=WorkerLease(OURS))


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


async def test_a_push_goes_to_every_device_and_a_retry_to_those_left(works: Works) -> None:
    person = await works.person()
    tokens = ["token-of-phone", "token-of-tablet", "token-of-old-phone"]
    tokens = [f"{token}-{person}" for token in tokens]
    devices = [await works.device(person, token) for token in tokens]
    outcomes: dict[str, list[Outcome]] = {
        tokens[0]: [Sent("one")],
        tokens[1]: [Transient("503"), Sent("two")],
        tokens[2]: [Permanent("404", Reason.ADDRESS_GONE)],
    }

    def act(_: Letter, to: Destination) -> Outcome:
        assert isinstance(to, Device)
        return outcomes[to.token].pop(0)

    works.senders[Channel.PUSH].act = act
    ref = await works.queue(person, Channel.PUSH)
    await works.deliverer.carry_out(Channel.PUSH, [ref])
    state = await works.state(ref, Channel.PUSH)
    assert (state["status"], set(state["devices"])) == (
        "deferred",
        {str(devices[0]), str(devices[2])},
    )
    ((letter, _), *_) = works.senders[Channel.PUSH].sent
    assert letter.unread_count == 1
    later = works.clock.store_now() + timedelta(hours=2)
    await works.stores.deliveries.requeue("push", [ref], until=later)
    await works.deliverer.carry_out(Channel.PUSH, [ref])
    state = await works.state(ref, Channel.PUSH)
    assert (state["status"], state["provider_message_id"]) == ("sent", "two")
    assert len(works.senders[Channel.PUSH].sent) == 4
    owned = {device.id: device.is_active for device in await works.stores.devices.owned(person)}
    assert owned == {devices[0]: True, devices[1]: True, devices[2]: False}


async def test_a_push_that_reached_one_device_does_not_end_dead(works: Works) -> None:
    person = await works.person()
    for name in ("phone", "tablet"):
        await works.device(person, f"{name}-{person}")
    phone = f"phone-{person}"
    works.senders[Channel.PUSH].act = lambda _, to: (
        Sent("one") if isinstance(to, Device) and to.token == phone else Transient("503")
    )
    ref = await works.queue(person, Channel.PUSH)
    for _ in range(5):
        await works.deliverer.carry_out(Channel.PUSH, [ref])
        later = works.clock.store_now() + timedelta(hours=2)
        await works.stores.deliveries.requeue("push", [ref], until=later)
    assert (await works.state(ref, Channel.PUSH))["status"] == "sent"


async def test_a_push_whose_last_devices_are_gone_is_sent_by_those_before(works: Works) -> None:
    person = await works.person()
    await works.device(person, f"gone-{person}")
    ref = await works.queue(
        person,
        Channel.PUSH,
        channels={"push": {"status": "queued", "devices": {"earlier": {"status": "sent"}}}},
    )
    works.senders[Channel.PUSH].act = lambda *_: Permanent("404", Reason.ADDRESS_GONE)
    await works.deliverer.carry_out(Channel.PUSH, [ref])
    assert (await works.state(ref, Channel.PUSH))["status"] == "sent"


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


class Clock:
    """A monotonic clock that tests move."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


async def test_who_was_silent_for_long_sends_nothing_and_gives_back(
    stores: Stores, clock: PositionClock, caps: CapCheck
) -> None:
    ours = Clock()
    works = Works(stores=stores, clock=clock, caps=caps, lease=WorkerLease(OURS, clock=ours))
    ours.now_s += PERMITTED_FOR_S
    ref = await works.queue(await works.person())
    with capture_logs() as logs:
        await works.deliverer.carry_out(Channel.EMAIL, [ref])
    assert [line["event"] for line in logs] == ["permit_expired"]
    assert works.senders[Channel.EMAIL].sent == []
    state = await works.state(ref)
    assert state["status"] == "queued"
    assert not state.keys() & {"claim", "attempts"}
    works.lease.note_beat(ours.now_s)
    await works.deliverer.carry_out(Channel.EMAIL, [ref])
    assert (await works.state(ref))["status"] == "sent"


async def test_who_is_stopped_on_the_way_hands_nothing_over(
    stores: Stores, clock: PositionClock, caps: CapCheck
) -> None:
    ours = Clock()
    works = Works(stores=stores, clock=clock, caps=caps, lease=WorkerLease(OURS, clock=ours))
    sender = works.senders[Channel.EMAIL]
    sender.gate.clear()
    ref = await works.queue(await works.person())
    carrying = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, [ref]))
    await sender.holds(1)
    ours.now_s += PERMITTED_FOR_S
    sender.gate.set()
    await carrying
    assert sender.sent == []
    state = await works.state(ref)
    assert (state["status"], state["last_error"]) == ("queued", "permit expired")
    assert (len(state["attempts"]), state["forgiven"]) == (1, 1)


async def test_attempts_that_a_permit_cut_short_leave_five_that_count(
    stores: Stores, clock: PositionClock, caps: CapCheck
) -> None:
    ours = Clock()
    works = Works(stores=stores, clock=clock, caps=caps, lease=WorkerLease(OURS, clock=ours))
    sender = works.senders[Channel.EMAIL]
    ref = await works.queue(await works.person())

    async def carry_out_again() -> str:
        await works.deliverer.carry_out(Channel.EMAIL, [ref])
        later = works.clock.store_now() + timedelta(hours=2)
        await works.stores.deliveries.requeue("email", [ref], until=later)
        return str((await works.state(ref))["status"])

    for _ in range(3):
        works.lease.note_beat(ours.now_s)
        sender.gate.clear()
        carrying = asyncio.create_task(carry_out_again())
        await sender.holds(1)
        ours.now_s += PERMITTED_FOR_S
        sender.gate.set()
        assert await carrying == "queued"
    works.lease.note_beat(ours.now_s)
    sender.act = lambda *_: Transient("451", is_providers=False)
    assert [await carry_out_again() for _ in range(5)] == ["queued"] * 4 + ["dead"]
    assert len((await works.state(ref))["attempts"]) == 8


@pytest.mark.parametrize(
    ("told", "status", "forgiven"),
    [(Sent("one"), "queued", 1), (Transient("503"), "deferred", None)],
)
async def test_devices_that_the_permit_did_not_last_for_are_told_next(
    stores: Stores,
    clock: PositionClock,
    caps: CapCheck,
    told: Outcome,
    status: str,
    forgiven: int | None,
) -> None:
    ours = Clock()
    works = Works(stores=stores, clock=clock, caps=caps, lease=WorkerLease(OURS, clock=ours))
    person = await works.person()
    tokens = {f"{name}-{person}" for name in ("phone", "tablet")}
    for token in tokens:
        await works.device(person, token)

    def act(*_: object) -> Outcome:
        ours.now_s += PERMITTED_FOR_S
        return told

    sender = works.senders[Channel.PUSH]
    sender.act = act
    ref = await works.queue(person, Channel.PUSH)
    await works.deliverer.carry_out(Channel.PUSH, [ref])
    state = await works.state(ref, Channel.PUSH)
    assert (state["status"], state.get("forgiven")) == (status, forgiven)
    works.lease.note_beat(ours.now_s)
    sender.act = lambda *_: Sent("two")
    later = works.clock.store_now() + timedelta(hours=2)
    await works.stores.deliveries.requeue("push", [ref], until=later)
    await works.deliverer.carry_out(Channel.PUSH, [ref])
    assert (await works.state(ref, Channel.PUSH))["status"] == "sent"
    assert {to.token for _, to in sender.sent if isinstance(to, Device)} == tokens


async def test_what_is_on_its_way_when_the_permit_ends_is_recorded(
    stores: Stores, clock: PositionClock, caps: CapCheck
) -> None:
    ours = Clock()
    works = Works(
        stores=stores, clock=clock, caps=caps, lease=WorkerLease(OURS, clock=ours), concurrency=2
    )
    sender = works.senders[Channel.EMAIL]
    # The first to arrive waits, and the second is there when the time is over.
    sender.is_held = lambda _: sender.in_flight == 1
    sender.gate.clear()

    def act(*_: object) -> Outcome:
        ours.now_s += PERMITTED_FOR_S
        return Sent("id")

    sender.act = act
    person = await works.person()
    refs = [await works.queue(person) for _ in range(3)]
    carrying = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, refs))

    async def is_expired() -> bool:
        return ours.now_s > 100.0

    await eventually(is_expired)
    sender.gate.set()
    await carrying
    assert len(sender.sent) == 1
    states = [(await works.state(ref))["status"] for ref in refs]
    assert sorted(states) == ["queued", "queued", "sent"]


async def test_what_was_taken_over_is_not_written_by_who_had_it(works: Works) -> None:
    sender = works.senders[Channel.EMAIL]
    sender.gate.clear()
    ref = await works.queue(await works.person())
    carrying = asyncio.create_task(works.deliverer.carry_out(Channel.EMAIL, [ref]))
    await sender.holds(1)
    now = works.clock.store_now()
    (claimed,) = await works.stores.unsent.claimed(
        "email", before=now + timedelta(minutes=1), limit=10
    )
    await works.stores.deliveries.release("email", [ref], claimed.claim, due_at=now)
    sender.gate.set()
    await carrying
    state = await works.state(ref)
    assert state["status"] == "queued"
    assert "sent_at" not in state


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
