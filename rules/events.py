"""The table of event types: which lane carries each out (contract section 3)."""

from __future__ import annotations

from enum import StrEnum


class Lane(StrEnum):
    """Lanes keep work of different weight out of each other's way."""

    SINGLE = "single"
    """One user or one business at a time: read models, single recipients."""
    FAN_OUT = "fan_out"
    """All followers of a business."""


LANE_OF_EVENT: dict[str, Lane] = {
    "user.registered": Lane.SINGLE,
    "user.updated": Lane.SINGLE,
    "business.created": Lane.SINGLE,
    "business.updated": Lane.SINGLE,
    "listing.created": Lane.FAN_OUT,
    # Of our own making; the platform cannot send it.
    "business_update.posted": Lane.FAN_OUT,
}
