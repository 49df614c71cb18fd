from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from config.settings import read_settings
from rules.deliveries import Reason
from rules.feedback import FeedbackEvent
from server.webhooks.believing import NotBelieved
from server.webhooks.twilio import NotAForm, Wish, account_of, read_form, told_by, wish_of
from server.webhooks.twilio_signature import signature
from storage.delivery_feedback import Addressed

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
NUMBER = "+27821234567"
IDS = {"notification_id": UUID(int=1), "recipient_id": UUID(int=2)}


@pytest.mark.parametrize(
    ("status", "code", "event", "reason", "lost"),
    [
        ("sent", None, FeedbackEvent.SENT, None, []),
        ("delivered", None, FeedbackEvent.DELIVERED, None, []),
        ("read", None, FeedbackEvent.DELIVERED, None, []),
        ("undelivered", "30003", FeedbackEvent.FAILED, Reason.REJECTED, []),
        ("undelivered", "30005", FeedbackEvent.FAILED, Reason.ADDRESS_GONE, [NUMBER]),
        ("undelivered", "30006", FeedbackEvent.FAILED, Reason.ADDRESS_GONE, [NUMBER]),
        ("undelivered", "30008", FeedbackEvent.FAILED, Reason.REJECTED, []),
        ("failed", "21610", FeedbackEvent.FAILED, Reason.OPTED_OUT, [NUMBER]),
        ("failed", None, FeedbackEvent.FAILED, Reason.REJECTED, []),
        ("failed", "to +27821234567", FeedbackEvent.FAILED, Reason.REJECTED, []),
    ],
)
def test_each_status_says_what_became_of_it(
    status: str, code: str | None, event: FeedbackEvent, reason: Reason | None, lost: list[str]
) -> None:
    form = {"MessageSid": "SM1", "MessageStatus": status, "To": NUMBER}
    told = told_by(form | ({"ErrorCode": code} if code else {}), **IDS, now=NOON)
    assert told is not None
    assert told.about == Addressed(channel="sms", **IDS)
    feedback = told.feedback
    assert (feedback.event, feedback.reason) == (event, reason)
    assert feedback.error == (code if code and code.isdigit() else None)
    assert (feedback.provider_message_id, feedback.at) == ("SM1", NOON)
    assert (told.lost, told.lost_by) == (lost, reason if lost else None)


def test_without_a_callback_twilio_knows_us_by_our_public_url_alone() -> None:
    settings = read_settings(
        {
            "SNB_SMS_URL": "twilio://AC1:token@/?from=+27100000000",
            "SNB_PUBLIC_URL": "http://savenbite.example",
        }
    )
    account, form = account_of(settings), {"Body": ["STOP"]}
    assert account is not None
    made = signature("token", "http://savenbite.example/hook", form)
    account.verify(made, "/hook", form)
    with pytest.raises(NotBelieved):
        account.verify(made, "/other", form)


@pytest.mark.parametrize("status", ["accepted", "queued", "sending", "canceled", "", "unheard of"])
def test_steps_on_twilios_own_way_say_nothing(status: str) -> None:
    form = {"MessageSid": "SM1", "MessageStatus": status}
    assert told_by(form, **IDS, now=NOON) is None


def test_without_a_number_none_is_lost() -> None:
    form = {"MessageSid": "SM1", "MessageStatus": "failed", "ErrorCode": "30005"}
    told = told_by(form, notification_id=None, recipient_id=None, now=NOON)
    assert told is not None
    assert (told.lost, told.lost_by) == ([], None)


@pytest.mark.parametrize(
    ("body", "wish"),
    [
        *((word, Wish.STOP) for word in ("STOP", "stop", " Stop. ", "StopAll", "UNSUBSCRIBE")),
        *((word, Wish.STOP) for word in ("Cancel", "END", "quit", "Revoke", "OPTOUT", '"STOP"')),
        *((word, Wish.START) for word in ("START", "yes", "Unstop!")),
        *((word, None) for word in ("", "HELP", "STOP please", "Do not stop", "yes please")),
    ],
)
def test_a_word_that_stands_alone_is_a_wish(body: str, wish: Wish | None) -> None:
    assert wish_of({"Body": body}) is wish


def test_twilios_own_reading_comes_first() -> None:
    assert wish_of({"Body": "Ek wil nie meer nie", "OptOutType": "STOP"}) is Wish.STOP
    assert wish_of({"Body": "weer", "OptOutType": "START"}) is Wish.START
    assert wish_of({"Body": "STOP", "OptOutType": "HELP"}) is None
    assert wish_of({}) is None


def test_a_form_keeps_empty_and_repeated_fields() -> None:
    assert read_form(b"Body=&To=%2B27&To=a+b&%C3%A9=1") == {
        "Body": [""],
        "To": ["+27", "a b"],
        "é": ["1"],
    }
    assert read_form(b"") == {}


@pytest.mark.parametrize(
    "body", [b"no form", b"a=%ff", b"\xff=1", b"&".join(b"a%d=1" % n for n in range(300))]
)
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(NotAForm):
        read_form(body)
