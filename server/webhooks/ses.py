"""What Amazon SES tells of a mail, in both of its shapes.

Event publishing says `eventType` and carries the mail's tags; the older feedback notifications say
`notificationType`, and carry the mail's headers if they are told to (AWS: "Contents of event data
that Amazon SES publishes to Amazon SNS", "Amazon SNS notification contents for Amazon SES").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import Any
from uuid import UUID

import orjson

from rules.deliveries import Reason
from rules.feedback import Feedback, FeedbackEvent
from rules.kinds import Channel
from server.webhooks.feedback_intake import Told
from storage.delivery_feedback import Addressed

MOST_ID_CHARACTERS = 128
"""SES's ids of messages have half as many."""

SECTIONS = {
    "Send": "send",
    "Delivery": "delivery",
    "DeliveryDelay": "deliveryDelay",
    "Bounce": "bounce",
    "Complaint": "complaint",
    "Reject": "reject",
    "Rendering Failure": "failure",
}
"""Type -> under which name its details are. Others (opens, clicks) say nothing of deliveries."""

EVENTS = {
    "Send": FeedbackEvent.SENT,
    "Delivery": FeedbackEvent.DELIVERED,
    "DeliveryDelay": FeedbackEvent.DELAYED,
    "Bounce": FeedbackEvent.BOUNCED,
    "Complaint": FeedbackEvent.COMPLAINED,
    "Reject": FeedbackEvent.FAILED,
    "Rendering Failure": FeedbackEvent.FAILED,
}

NOT_SPAM = "not-spam"
"""A complaint of this type takes one back."""

_CODE = re.compile(r"[A-Za-z-]{1,40}")
_STATUS = re.compile(r"\d\.\d{1,3}\.\d{1,3}")
"""An enhanced status code (RFC 3463 §2)."""


class NotAnEvent(ValueError):
    """It lacks what its type says that it has."""


def told_by(message: str) -> Told | None:
    """Return what `message` says of a mail, None where it is of something else.

    Raises NotAnEvent.
    """
    try:
        event = orjson.loads(message)
    except orjson.JSONDecodeError:
        # A sentence for people, by which SES tries whether it may publish.
        return None
    try:
        kind = event.get("eventType") or event.get("notificationType")
        return _told(kind, event) if kind in SECTIONS else None
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError):
        raise NotAnEvent from None


def _told(kind: str, event: Mapping[str, Any]) -> Told | None:
    mail, details = event["mail"], event.get(SECTIONS[kind]) or {}
    if details.get("complaintFeedbackType") == NOT_SPAM:
        return None
    is_passing = kind == "Bounce" and details["bounceType"] != "Permanent"
    told_as = FeedbackEvent.SOFT_BOUNCED if is_passing else EVENTS[kind]
    handed_over_at = _time(mail["timestamp"])
    return Told(
        about=_addressed(mail),
        feedback=Feedback(
            event=told_as,
            provider_message_id=_message_id(mail),
            at=_time(details["timestamp"]) if "timestamp" in details else handed_over_at,
            handed_over_at=handed_over_at,
            reason=_REASONS.get(told_as),
            error=_error(kind, details),
        ),
        lost=_lost(told_as, details),
    )


_REASONS = {
    FeedbackEvent.BOUNCED: Reason.ADDRESS_GONE,
    FeedbackEvent.FAILED: Reason.REJECTED,
}


def _message_id(mail: Mapping[str, Any]) -> str:
    found = str(mail["messageId"])
    if len(found) > MOST_ID_CHARACTERS:
        raise ValueError
    return found


def _addressed(mail: Mapping[str, Any]) -> Addressed:
    tags = {name: values[0] for name, values in (mail.get("tags") or {}).items() if values}
    headers = {each["name"].lower(): each["value"] for each in mail.get("headers") or ()}
    named = tags.get("notification_id") or headers.get("x-notification-id")
    return Addressed(
        channel=Channel.EMAIL,
        notification_id=_id(named),
        recipient_id=_id(tags.get("recipient_id")),
    )


def _lost(told_as: FeedbackEvent, details: Mapping[str, Any]) -> list[str]:
    """Return the addresses that bounced or complained: those, and no other of the mail."""
    name = {
        FeedbackEvent.BOUNCED: "bouncedRecipients",
        FeedbackEvent.COMPLAINED: "complainedRecipients",
    }.get(told_as)
    found = [] if name is None else [parseaddr(each["emailAddress"])[1] for each in details[name]]
    return [address for address in found if "@" in address]


def _error(kind: str, details: Mapping[str, Any]) -> str | None:
    """Return why, in codes alone: texts of mail servers may quote the address."""
    match kind:
        case "Bounce":
            types = (_code(details["bounceType"]), _code(details.get("bounceSubType")))
            status = next((each.get("status") for each in details["bouncedRecipients"]), None)
            shown = "/".join(filter(None, types))
            return " ".join(filter(None, (shown, _code(status, _STATUS))))
        case "Complaint":
            return _code(details.get("complaintFeedbackType"))
        case "DeliveryDelay":
            return _code(details.get("delayType"))
        case "Reject" | "Rendering Failure":
            return kind
    return None


def _code(said: object, pattern: re.Pattern[str] = _CODE) -> str | None:
    return said if isinstance(said, str) and pattern.fullmatch(said) else None


def _id(text: str | None) -> UUID | None:
    try:
        return None if text is None else UUID(text)
    except ValueError:
        return None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
