"""What gates ask of users' documents. Fan-outs read thousands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rules.preferences import Preferences
from rules.recipients import Recipient
from storage.reachability import is_unreachable

if TYPE_CHECKING:
    from storage.client import Document

PREFERENCE_FIELDS = {"preferences": 1, "timezone": 1, "locale": 1}

RECIPIENT_FIELDS = {
    **PREFERENCE_FIELDS,
    "user_type": 1,
    "email_hash": 1,
    "phone_hash": 1,
    "unreachable": 1,
    "devices.is_active": 1,
}


def recipient_of(user: Document) -> Recipient:
    """Return what gates ask of `user`, a document with at least `RECIPIENT_FIELDS`."""
    devices = user.get("devices", ())
    return Recipient(
        user_id=user["_id"],
        user_type=user.get("user_type"),
        preferences=preferences_of(user),
        has_email="email_hash" in user and not is_unreachable(user, "email"),
        has_phone="phone_hash" in user and not is_unreachable(user, "sms"),
        has_device=bool(devices) and any(device.get("is_active") for device in devices),
    )


def preferences_of(user: Document) -> Preferences:
    """Return what `user` prefers, a document with at least `PREFERENCE_FIELDS`."""
    return Preferences.from_stored(
        user.get("preferences", {}), timezone=user.get("timezone"), locale=user.get("locale")
    )
