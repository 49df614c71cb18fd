"""The table of event types: which lane carries each out (contract section 3)."""

from __future__ import annotations

from enum import StrEnum


class Lane(StrEnum):
    """Lanes keep work of different weight out of each other's way."""

    READ_MODEL = "read_model"
    """What is known of users, businesses, listings, pickups; who posts it soon relies on it."""
    CRITICAL = "critical"
    """One recipient at a time, who has to hear of it at once."""
    SINGLE = "single"
    """One recipient at a time."""
    FAN_OUT = "fan_out"
    """Many at once: who follows a business, is interested in a listing, or lives in a time zone."""
    SHARE = "share"
    """Of another process's fan-out."""
    CAMPAIGN = "campaign"
    """Whoever an admin chose, when nothing else is in a hurry."""


LANE_OF_EVENT: dict[str, Lane] = {
    "user.registered": Lane.READ_MODEL,
    "user.updated": Lane.READ_MODEL,
    "user.deleted": Lane.READ_MODEL,
    "business.created": Lane.READ_MODEL,
    "business.updated": Lane.READ_MODEL,
    "listing.created": Lane.FAN_OUT,
    "listing.interest": Lane.READ_MODEL,
    "listing.removed": Lane.READ_MODEL,
    "interaction.status_changed": Lane.SINGLE,
    "pickup.scheduled": Lane.READ_MODEL,
    "pickup.completed": Lane.READ_MODEL,
    "pickup.cancelled": Lane.READ_MODEL,
    "review.created": Lane.SINGLE,
    "verification.status_changed": Lane.SINGLE,
    # Of our own making; the platform cannot send them.
    "campaign.started": Lane.CAMPAIGN,
    "business_update.posted": Lane.FAN_OUT,
    "notification.requested": Lane.SINGLE,
    "pickup.reminder_due": Lane.SINGLE,
    "listing.expiring": Lane.FAN_OUT,
    "business_profile.changed": Lane.FAN_OUT,
    "weekly_digest.due": Lane.FAN_OUT,
}


def lane_of(event_type: str, *, is_critical: bool = False) -> Lane:
    """Return the lane of an event; for one recipient it depends on how urgent the content is."""
    lane = LANE_OF_EVENT[event_type]
    return Lane.CRITICAL if is_critical and lane is Lane.SINGLE else lane
