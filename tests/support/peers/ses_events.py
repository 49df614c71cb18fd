"""What SES publishes, as its documentation shows it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

NOTIFICATION, RECIPIENT = UUID(int=1), UUID(int=2)
ADDRESS = "thandi@example.org"
SENT_AT, TOLD_AT = "2026-11-26T12:00:00.000Z", "2026-11-26T12:00:05.123Z"

DETAILS: dict[str, dict[str, Any]] = {
    "Send": {"send": {}},
    "Delivery": {
        "delivery": {
            "timestamp": TOLD_AT,
            "processingTimeMillis": 5123,
            "recipients": [ADDRESS],
            "smtpResponse": "250 ok",
            "reportingMTA": "mta.example",
        }
    },
    "DeliveryDelay": {
        "deliveryDelay": {
            "timestamp": TOLD_AT,
            "delayType": "MailboxFull",
            "expirationTime": "2026-11-27T12:00:00.000Z",
            "delayedRecipients": [{"emailAddress": ADDRESS, "status": "4.2.2"}],
        }
    },
    "Bounce": {
        "bounce": {
            "timestamp": TOLD_AT,
            "bounceType": "Permanent",
            "bounceSubType": "General",
            "bouncedRecipients": [
                {
                    "emailAddress": ADDRESS,
                    "action": "failed",
                    "status": "5.1.1",
                    "diagnosticCode": f"smtp; 550 5.1.1 <{ADDRESS}>: no such user",
                }
            ],
            "feedbackId": "f-1",
        }
    },
    "Complaint": {
        "complaint": {
            "timestamp": TOLD_AT,
            "complainedRecipients": [{"emailAddress": ADDRESS}],
            "complaintFeedbackType": "abuse",
            "feedbackId": "f-2",
        }
    },
    "Reject": {"reject": {"reason": "Bad content"}},
    "Rendering Failure": {"failure": {"templateName": "t", "errorMessage": "Attribute 'x'"}},
}


def mail(
    notification_id: UUID = NOTIFICATION,
    recipient_id: UUID = RECIPIENT,
    message_id: str = "m-1",
    **changes: Any,
) -> dict[str, Any]:
    """Return what every event says of the mail; what is None is left out."""
    said = {
        "timestamp": SENT_AT,
        "source": "post@savenbite.example",
        "sendingAccountId": "123456789012",
        "messageId": message_id,
        "destination": [ADDRESS],
        "headersTruncated": False,
        "headers": [{"name": "X-Notification-ID", "value": str(notification_id)}],
        "tags": {
            "ses:configuration-set": ["feedback"],
            "notification_id": [str(notification_id)],
            "recipient_id": [str(recipient_id)],
        },
        **changes,
    }
    return {name: value for name, value in said.items() if value is not None}


def event(kind: str, of: dict[str, Any] | None = None, **details: Any) -> dict[str, Any]:
    """Return an event of event publishing, some of its details changed."""
    told = {name: {**told, **details} for name, told in DETAILS[kind].items()}
    return {"eventType": kind, **told, "mail": of or mail()}


def feedback_notification(kind: str, of: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a feedback notification: the older shape, which knows no tags."""
    return {"notificationType": kind, **DETAILS[kind], "mail": of or mail(tags=None)}
