from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.deliveries import (
    FIRST_RETRY,
    JITTER,
    LONGEST_RETRY,
    MOST_ATTEMPTS,
    DeliveryStatus,
    Outcome,
    Permanent,
    Reason,
    Sent,
    Settled,
    Transient,
    Uncertain,
    abandoned,
    combine,
    settle,
)
from rules.kinds import Channel

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
SENDING = (Channel.EMAIL, Channel.PUSH, Channel.SMS)


def settled(
    channel: Channel, outcome: Outcome, *, attempts: int = 1, chance: float = 0.0
) -> Settled:
    return settle(channel, outcome, attempts=attempts, at=NOON, chance=chance)


@pytest.mark.parametrize("channel", SENDING)
def test_what_the_provider_took_is_sent(channel: Channel) -> None:
    assert settled(channel, Sent("id")) == Settled(DeliveryStatus.SENT)


@pytest.mark.parametrize("channel", SENDING)
def test_what_it_will_never_take_fails_at_once_with_the_reason(channel: Channel) -> None:
    outcome = Permanent("550 no such user", Reason.ADDRESS_GONE)
    assert settled(channel, outcome) == Settled(DeliveryStatus.FAILED, Reason.ADDRESS_GONE)


@pytest.mark.parametrize(
    ("channel", "waits_s"),
    [
        (Channel.EMAIL, [60, 120, 240, 480]),
        (Channel.PUSH, [30, 60, 120, 240]),
        (Channel.SMS, [60, 120, 240, 480]),
    ],
)
def test_waits_double_and_the_fifth_attempt_is_the_last(
    channel: Channel, waits_s: list[int]
) -> None:
    for attempts, wait_s in enumerate(waits_s, start=1):
        assert settled(channel, Transient("busy"), attempts=attempts) == Settled(
            DeliveryStatus.DEFERRED, Reason.RETRY, NOON + timedelta(seconds=wait_s)
        )
    assert settled(channel, Transient("busy"), attempts=5) == Settled(
        DeliveryStatus.DEAD, Reason.ATTEMPTS_EXHAUSTED
    )


@pytest.mark.parametrize(
    ("asked_s", "wait_s"), [(7, 60), (90, 90), (7_200, LONGEST_RETRY.total_seconds())]
)
def test_a_provider_may_ask_for_more_patience_within_bounds(asked_s: int, wait_s: float) -> None:
    outcome = Transient("429", timedelta(seconds=asked_s))
    assert settled(Channel.EMAIL, outcome).due_at == NOON + timedelta(seconds=wait_s)


@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.PUSH])
def test_a_mail_or_push_in_doubt_is_sent_again(channel: Channel) -> None:
    assert settled(channel, Uncertain("reset")).status is DeliveryStatus.DEFERRED
    assert settled(channel, Uncertain("reset"), attempts=5).status is DeliveryStatus.DEAD


def test_an_sms_in_doubt_is_not() -> None:
    assert settled(Channel.SMS, Uncertain("reset")) == Settled(
        DeliveryStatus.FAILED, Reason.UNCERTAIN
    )


@given(
    channel=st.sampled_from(SENDING),
    attempts=st.integers(1, MOST_ATTEMPTS - 1),
    asked_s=st.none() | st.integers(0, 100_000),
    chance=st.floats(0, 1, exclude_max=True),
)
def test_a_wait_has_bounds_whatever_is_asked(
    channel: Channel, attempts: int, asked_s: int | None, chance: float
) -> None:
    asked = None if asked_s is None else timedelta(seconds=asked_s)
    due_at = settled(channel, Transient("", asked), attempts=attempts, chance=chance).due_at
    assert due_at is not None
    assert FIRST_RETRY[channel] <= due_at - NOON <= LONGEST_RETRY * (1 + JITTER)


@pytest.mark.parametrize(
    ("status", "wants"),
    [(DeliveryStatus.DEAD, True), (DeliveryStatus.FAILED, True), (DeliveryStatus.SENT, False)],
)
def test_an_operator_is_wanted_for_what_ended_unsent(status: DeliveryStatus, wants: bool) -> None:
    assert Settled(status).wants_operator is wants


@pytest.mark.parametrize("channel", SENDING)
def test_what_a_dead_worker_had_not_begun_is_queued_again_at_once(channel: Channel) -> None:
    stands = abandoned(channel, attempts=MOST_ATTEMPTS, is_begun=False, at=NOON)
    assert stands == Settled(DeliveryStatus.QUEUED, due_at=NOON)


@pytest.mark.parametrize(
    ("channel", "attempts", "stands"),
    [
        (Channel.EMAIL, 1, Settled(DeliveryStatus.QUEUED, due_at=NOON)),
        (Channel.PUSH, 4, Settled(DeliveryStatus.QUEUED, due_at=NOON)),
        (Channel.PUSH, 5, Settled(DeliveryStatus.DEAD, Reason.ATTEMPTS_EXHAUSTED)),
        (Channel.SMS, 1, Settled(DeliveryStatus.FAILED, Reason.UNCERTAIN)),
    ],
)
def test_what_a_dead_worker_had_begun_is_in_doubt(
    channel: Channel, attempts: int, stands: Settled
) -> None:
    assert abandoned(channel, attempts=attempts, is_begun=True, at=NOON) == stands


GONE = Permanent("404", Reason.ADDRESS_GONE)
SOON, LATER = Transient("503", timedelta(seconds=7)), Transient("429", timedelta(seconds=90))


@pytest.mark.parametrize(
    ("outcomes", "has_sent", "outcome"),
    [
        ([Sent("a"), Sent("b")], False, Sent("a")),
        ([GONE, Sent("b")], False, Sent("b")),
        ([GONE], False, GONE),
        ([GONE], True, Sent()),
        ([Sent("a"), SOON], False, SOON),
        ([SOON, LATER], False, Transient("503", timedelta(seconds=90))),
        ([Transient("500")], True, Transient("500")),
        ([SOON, Uncertain("reset"), Sent("a")], False, Uncertain("reset")),
    ],
)
def test_of_several_devices_it_is_over_when_none_is_left(
    outcomes: list[Outcome], outcome: Outcome, *, has_sent: bool
) -> None:
    assert combine(outcomes, has_sent=has_sent) == outcome
