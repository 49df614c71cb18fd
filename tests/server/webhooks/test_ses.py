from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.deliveries import Reason
from rules.feedback import FeedbackEvent
from server.webhooks.feedback_intake import Told
from server.webhooks.ses import NotAnEvent, told_by
from storage.delivery_feedback import Addressed
from tests.support.peers.ses_events import (
    ADDRESS,
    DETAILS,
    NOTIFICATION,
    RECIPIENT,
    event,
    feedback_notification,
    mail,
)

SENT_AT = datetime(2026, 11, 26, 12, tzinfo=UTC)
TOLD_AT = datetime(2026, 11, 26, 12, 0, 5, 123_000, tzinfo=UTC)
WHOSE = Addressed(channel="email", notification_id=NOTIFICATION, recipient_id=RECIPIENT)


def told(published: dict[str, Any]) -> Told:
    found = told_by(json.dumps(published))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("kind", "details", "means", "reason", "error", "lost"),
    [
        ("Send", {}, FeedbackEvent.SENT, None, None, []),
        ("Delivery", {}, FeedbackEvent.DELIVERED, None, None, []),
        ("DeliveryDelay", {}, FeedbackEvent.DELAYED, None, "MailboxFull", []),
        ("DeliveryDelay", {"delayType": ADDRESS}, FeedbackEvent.DELAYED, None, None, []),
        (
            "Bounce",
            {},
            FeedbackEvent.BOUNCED,
            Reason.ADDRESS_GONE,
            "Permanent/General 5.1.1",
            [ADDRESS],
        ),
        (
            "Bounce",
            {"bouncedRecipients": [{"emailAddress": f"Thandi <{ADDRESS}>"}]},
            FeedbackEvent.BOUNCED,
            Reason.ADDRESS_GONE,
            "Permanent/General",
            [ADDRESS],
        ),
        (
            "Bounce",
            {"bounceType": "Transient", "bounceSubType": "MailboxFull"},
            FeedbackEvent.SOFT_BOUNCED,
            None,
            "Transient/MailboxFull 5.1.1",
            [],
        ),
        (
            "Bounce",
            {"bounceType": "Undetermined", "bounceSubType": "Undetermined"},
            FeedbackEvent.SOFT_BOUNCED,
            None,
            "Undetermined/Undetermined 5.1.1",
            [],
        ),
        ("Complaint", {}, FeedbackEvent.COMPLAINED, None, "abuse", [ADDRESS]),
        (
            "Complaint",
            {"complaintFeedbackType": None},
            FeedbackEvent.COMPLAINED,
            None,
            None,
            [ADDRESS],
        ),
        (
            "Complaint",
            {"complaintFeedbackType": f"abuse of {ADDRESS}"},
            FeedbackEvent.COMPLAINED,
            None,
            None,
            [ADDRESS],
        ),
        ("Reject", {}, FeedbackEvent.FAILED, Reason.REJECTED, "Reject", []),
        ("Rendering Failure", {}, FeedbackEvent.FAILED, Reason.REJECTED, "Rendering Failure", []),
    ],
)
def test_each_event_says_what_became_of_the_mail(
    kind: str,
    details: dict[str, Any],
    means: FeedbackEvent,
    reason: Reason | None,
    error: str | None,
    lost: list[str],
) -> None:
    found = told(event(kind, **details))
    assert found.about == WHOSE
    feedback = found.feedback
    assert (feedback.event, feedback.reason, feedback.error) == (means, reason, error)
    assert feedback.provider_message_id == "m-1"
    assert feedback.handed_over_at == SENT_AT
    has_time = any("timestamp" in each for each in DETAILS[kind].values())
    assert feedback.at == (TOLD_AT if has_time else SENT_AT)
    assert found.lost == lost


@pytest.mark.parametrize("kind", ["Delivery", "Bounce", "Complaint"])
def test_the_older_shape_says_the_same_and_names_the_notification_in_a_header(kind: str) -> None:
    published, older = told(event(kind)), told(feedback_notification(kind))
    assert older.about == Addressed(channel="email", notification_id=NOTIFICATION)
    assert (older.feedback, older.lost) == (published.feedback, published.lost)


@pytest.mark.parametrize(
    "of",
    [
        mail(tags=None, headers=None),
        mail(tags={}, headers=[]),
        mail(tags={"notification_id": []}, headers=[{"name": "Subject", "value": "x"}]),
        mail(tags={"notification_id": ["1"]}),
    ],
)
def test_a_mail_that_is_none_of_ours_has_no_ids_but_its_address_is_lost(of: dict[str, Any]) -> None:
    found = told(event("Bounce", of))
    assert found.about == Addressed(channel="email")
    assert found.lost == [ADDRESS]


def test_only_those_that_bounced_are_lost() -> None:
    of = mail(destination=[ADDRESS, "sipho@example.org"])
    recipients = [{"emailAddress": "sipho@example.org"}, {"emailAddress": "nobody"}]
    assert told(event("Bounce", of, bouncedRecipients=recipients)).lost == ["sipho@example.org"]


@pytest.mark.parametrize(
    "message",
    [
        "Successfully validated SNS topic for Amazon SES event publishing.",
        json.dumps({"eventType": "Open", "open": {}, "mail": mail()}),
        json.dumps({"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "m"}),
        json.dumps({}),
        json.dumps(event("Complaint", complaintFeedbackType="not-spam")),
    ],
)
def test_what_says_nothing_of_deliveries_is_passed_over(message: str) -> None:
    assert told_by(message) is None


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=9)
    | st.sampled_from((str(NOTIFICATION), "2026-11-26T12:00:00Z", "Permanent", ADDRESS)),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)


@st.composite
def nearly(draw: st.DrawFn, of: Any) -> Any:
    """Return `of`, here and there with anything instead."""
    if draw(st.integers(0, 9)) == 0:
        return draw(ANYTHING)
    if isinstance(of, dict):
        return {name: draw(nearly(value)) for name, value in of.items()}
    return [draw(nearly(value)) for value in of] if isinstance(of, list) else of


@pytest.mark.parametrize("kind", DETAILS)
@given(data=st.data())
@settings(deadline=None)
def test_whatever_comes_is_understood_or_no_event(kind: str, data: st.DataObject) -> None:
    published = data.draw(nearly(event(kind)))
    try:
        found = told_by(json.dumps(published))
    except NotAnEvent:
        return
    assert found is None or found.feedback.provider_message_id


@pytest.mark.parametrize(
    "message",
    [
        "[]",
        "1",
        json.dumps({"eventType": ["Bounce"]}),
        json.dumps({"eventType": "Bounce"}),
        json.dumps({"eventType": "Delivery", "delivery": {}, "mail": []}),
        json.dumps({"eventType": "Delivery", "delivery": [1], "mail": mail()}),
        json.dumps(event("Delivery", timestamp="yesterday")),
        json.dumps(event("Delivery", timestamp=1)),
        json.dumps(event("Delivery", timestamp="0001-01-01T00:00:00+23:00")),
        json.dumps(event("Send", mail(timestamp=None))),
        json.dumps(event("Send", mail(messageId="m" * 129))),
        json.dumps(event("Bounce", bouncedRecipients=[{}])),
        json.dumps(event("Bounce", bouncedRecipients=None)),
        json.dumps(event("Send", mail(tags={"notification_id": [1]}))),
    ],
)
def test_what_lacks_what_it_should_have_is_no_event(message: str) -> None:
    with pytest.raises(NotAnEvent):
        told_by(message)
