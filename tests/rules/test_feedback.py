from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.deliveries import DeliveryStatus
from rules.feedback import (
    CLOCKS_DIFFER,
    STANDS_AT,
    Feedback,
    FeedbackEvent,
    KnownAttempt,
    Standing,
    attempt_of,
    settled_by,
)

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

S = DeliveryStatus
F = FeedbackEvent

SENT = KnownAttempt(at=NOON, provider_message_id="m-1")
REFUSED = KnownAttempt(at=NOON)
UNCERTAIN = KnownAttempt(at=NOON, is_uncertain=True)
OPEN = KnownAttempt(at=NOON + 2 * MINUTE, has_ended=False)


def told(event: FeedbackEvent = F.DELIVERED, handed_over_at: datetime | None = None) -> Feedback:
    return Feedback(event=event, provider_message_id="m-1", at=NOON, handed_over_at=handed_over_at)


def standing(
    status: DeliveryStatus, *attempts: KnownAttempt, sent: str | None = None, forgiven: int = 0
) -> Standing:
    return Standing(status=status, attempts=attempts, provider_message_id=sent, forgiven=forgiven)


def result(feedback: Feedback, stands: Standing) -> tuple[int | None, DeliveryStatus | None]:
    place = attempt_of(feedback, stands)
    return place, None if place is None else settled_by(feedback, place, stands)


@pytest.mark.parametrize(
    ("event", "after"),
    [
        (F.SENT, {}),
        (F.DELAYED, {}),
        (F.SOFT_BOUNCED, {}),
        (F.DELIVERED, {S.SENT: S.DELIVERED}),
        (F.FAILED, dict.fromkeys((S.SENT, S.DELIVERED), S.FAILED)),
        (F.BOUNCED, dict.fromkeys((S.SENT, S.DELIVERED, S.FAILED), S.BOUNCED)),
        (F.COMPLAINED, dict.fromkeys((S.SENT, S.DELIVERED, S.FAILED, S.BOUNCED), S.COMPLAINED)),
    ],
)
def test_what_was_sent_only_ever_moves_up(
    event: FeedbackEvent, after: dict[DeliveryStatus, DeliveryStatus]
) -> None:
    for status in STANDS_AT.values():
        found = result(told(event), standing(status, SENT, sent="m-1"))
        assert found == (0, after.get(status))


@given(st.lists(st.sampled_from(FeedbackEvent), max_size=5))
def test_the_order_in_which_things_are_told_does_not_matter(events: list[FeedbackEvent]) -> None:
    ends = set()
    for order in itertools.permutations(events):
        stands = standing(S.SENT, SENT, sent="m-1")
        for event in order:
            settled = settled_by(told(event), 0, stands)
            stands = stands if settled is None else replace(stands, status=settled)
        ends.add(stands.status)
    assert len(ends) == 1


@given(
    st.sampled_from(FeedbackEvent),
    st.sampled_from(DeliveryStatus),
    st.lists(
        st.builds(
            KnownAttempt,
            at=st.integers(0, 5).map(lambda n: NOON + n * MINUTE),
            has_ended=st.booleans(),
            is_uncertain=st.booleans(),
            provider_message_id=st.sampled_from((None, "m-1", "m-2")),
        ),
        max_size=4,
    ),
    st.sampled_from((None, "m-1", "m-2")),
    st.integers(0, 4),
)
def test_whatever_stands_nothing_falls_back(
    event: FeedbackEvent,
    status: DeliveryStatus,
    attempts: list[KnownAttempt],
    sent: str | None,
    forgiven: int,
) -> None:
    stands = standing(status, *attempts, sent=sent, forgiven=forgiven)
    place, settled = result(told(event), stands)
    if settled is None:
        return
    assert place is not None
    assert place >= forgiven
    order = list(STANDS_AT.values())
    is_sent = sent in {attempt.provider_message_id for attempt in attempts[forgiven:]} - {None}
    if is_sent and status in order:
        assert order.index(settled) > order.index(status)


@pytest.mark.parametrize(
    ("stands", "found"),
    [
        # Told before the worker has written that it has sent.
        (standing(S.SENDING, OPEN), (0, S.DELIVERED)),
        (standing(S.SENDING, REFUSED, OPEN), (1, S.DELIVERED)),
        # It did arrive: what would follow is not needed.
        (standing(S.FAILED, UNCERTAIN), (0, S.DELIVERED)),
        (standing(S.DEFERRED, UNCERTAIN), (0, S.DELIVERED)),
        (standing(S.QUEUED, UNCERTAIN), (0, S.DELIVERED)),
        (standing(S.SENDING, UNCERTAIN), (0, S.DELIVERED)),
        (standing(S.DEAD, UNCERTAIN, REFUSED), (0, S.DELIVERED)),
        (standing(S.DEFERRED, SENT, REFUSED), (0, S.DELIVERED)),
        # An earlier attempt does not settle one that is with the provider, or has been sent.
        (standing(S.SENDING, SENT, OPEN), (0, None)),
        (standing(S.SENT, SENT, replace(SENT, provider_message_id="m-2"), sent="m-2"), (0, None)),
        # Nor what an operator has had sent anew since.
        (standing(S.QUEUED, SENT, sent="m-1", forgiven=1), (0, None)),
        (standing(S.SENDING, SENT, OPEN, sent="m-1", forgiven=1), (0, None)),
        (standing(S.QUEUED, UNCERTAIN, forgiven=1), (0, None)),
        # The retry's own message.
        (
            standing(
                S.SENT, replace(SENT, provider_message_id="m-0"), SENT, sent="m-1", forgiven=1
            ),
            (1, S.DELIVERED),
        ),
        # And that one told before the worker has written that it has sent.
        (
            standing(
                S.SENDING,
                replace(SENT, provider_message_id="m-0"),
                OPEN,
                sent="m-0",
                forgiven=1,
            ),
            (1, S.DELIVERED),
        ),
        # Of no attempt that may have been taken.
        (standing(S.QUEUED), (None, None)),
        (standing(S.DEFERRED, REFUSED), (None, None)),
        (standing(S.SENT, replace(SENT, provider_message_id="m-2"), sent="m-2"), (None, None)),
    ],
)
def test_a_message_is_told_from_those_of_other_attempts(
    stands: Standing, found: tuple[int | None, DeliveryStatus | None]
) -> None:
    assert result(told(), stands) == found


def test_of_two_attempts_without_an_id_the_time_tells_which_it_is() -> None:
    stands = standing(S.SENDING, UNCERTAIN, OPEN)
    assert attempt_of(told(), stands) == 1
    assert attempt_of(told(handed_over_at=OPEN.at - CLOCKS_DIFFER), stands) == 1
    assert attempt_of(told(handed_over_at=NOON + MINUTE), stands) == 0
    assert attempt_of(told(handed_over_at=NOON - MINUTE), stands) is None


def test_what_passes_settles_nothing() -> None:
    stands = standing(S.SENDING, OPEN)
    assert result(told(F.DELAYED), stands) == (0, None)
    assert result(told(F.SOFT_BOUNCED), stands) == (0, None)
