"""What Twilio tells: what became of an SMS, and what people answer to one.

Twilio's words for both are fields of a form (its documentation: "Track outbound message status",
"Twilio's request to your incoming message webhook URL", "Error and warning dictionary").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from urllib.parse import parse_qs, urlsplit, urlunsplit
from uuid import UUID

from config.callbacks import twilio_callback
from config.settings import Settings
from rules.deliveries import Reason
from rules.feedback import Feedback, FeedbackEvent
from rules.kinds import Channel
from server.webhooks.believing import NotBelieved
from server.webhooks.feedback_intake import Told
from server.webhooks.twilio_signature import Form, is_signed
from storage.delivery_feedback import Addressed

PROVIDER = "twilio"

MOST_FIELDS = 200
"""Twilio sends some twenty; a form of more takes long to sort."""

EVENTS = {
    "sent": FeedbackEvent.SENT,
    "delivered": FeedbackEvent.DELIVERED,
    "read": FeedbackEvent.DELIVERED,
    "undelivered": FeedbackEvent.FAILED,
    "failed": FeedbackEvent.FAILED,
}
"""MessageStatus -> what it says; others are steps on Twilio's own way."""

REASONS = {
    "21610": Reason.OPTED_OUT,
    "30005": Reason.ADDRESS_GONE,  # unknown destination handset
    "30006": Reason.ADDRESS_GONE,  # a landline, or a carrier that cannot be reached
}
"""ErrorCode -> why; the number is suppressed. With any other it may be reached another time."""

STOP_WORDS = frozenset(
    {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
)
START_WORDS = frozenset({"START", "YES", "UNSTOP"})

_ERROR_CODE = re.compile(r"\d{5}")


class NotAForm(ValueError):
    """It is not written as forms are, or has too many fields."""


class Wish(Enum):
    """What somebody asks for by an SMS to us."""

    STOP = "opted_out"
    START = "opted_in"


class TwilioAccount:
    """Believes what is signed with the account's token, for the URL that Twilio was told."""

    def __init__(self, settings: Settings) -> None:
        assert settings.sms.password is not None
        self._token = settings.sms.password
        self._public_url = settings.public_url
        self._callback = twilio_callback(settings)

    def verify(self, signature: str, uri: str, form: Form) -> None:
        """Raise NotBelieved unless `form`, posted to `uri`, is signed."""
        if not is_signed(signature, self._token, self._urls(uri), form):
            raise NotBelieved(PROVIDER, "the signature is wrong")

    def _urls(self, uri: str) -> list[str]:
        """Return under which URLs Twilio may know us; a proxy may have a path of its own for us."""
        urls = [self._public_url + uri]
        if self._callback is not None:
            told = urlsplit(self._callback)
            query = urlsplit(uri).query
            urls.append(urlunsplit((told.scheme, told.netloc, told.path, query, "")))
        return urls


def account_of(settings: Settings) -> TwilioAccount | None:
    """Return the account, None where SMS do not go by Twilio."""
    return TwilioAccount(settings) if settings.sms.scheme == PROVIDER else None


def read_form(body: bytes) -> dict[str, list[str]]:
    """Return field -> values. Raises NotAForm."""
    try:
        return parse_qs(
            body.decode(),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:
        raise NotAForm from None


def told_by(
    form: Mapping[str, str],
    *,
    notification_id: UUID | None,
    recipient_id: UUID | None,
    now: datetime,
) -> Told | None:
    """Return what a status says of the SMS of `notification_id`, None where it says nothing new."""
    event = EVENTS.get(form["MessageStatus"].lower())
    if event is None:
        return None
    code = form.get("ErrorCode", "")
    error = code if _ERROR_CODE.fullmatch(code) else None
    reason = REASONS.get(code, Reason.REJECTED) if event is FeedbackEvent.FAILED else None
    is_lost = reason in REASONS.values() and bool(form.get("To"))
    return Told(
        about=Addressed(
            channel=Channel.SMS, notification_id=notification_id, recipient_id=recipient_id
        ),
        feedback=Feedback(
            event=event,
            provider_message_id=form["MessageSid"],
            # It gives no time.
            at=now,
            reason=reason,
            error=error,
        ),
        lost=[form["To"]] if is_lost else [],
        lost_by=reason if is_lost else None,
    )


def wish_of(form: Mapping[str, str]) -> Wish | None:
    """Return what an SMS to us asks for; Twilio's own reading of it comes first.

    As with Twilio a word counts that stands alone, in whatever case.
    """
    word = form.get("OptOutType") or form.get("Body", "").strip(" \t\r\n.!\"'")
    if word.upper() in STOP_WORDS:
        return Wish.STOP
    return Wish.START if word.upper() in START_WORDS else None
