"""Under what a delivery is found across all recipients, by one index a channel.

    channels.<channel>.filed: {under, at}

What waits is filed by when it is due, what a worker has by when that is first asked after, and what
has ended under its status, by the position of its row. One heading at a time, and one index: every
index of `notifications` is paid for by each insert and each change of a row, on the embedded store
even by rows that are not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from rules.deliveries import SENDING_CHANNELS, DeliveryStatus

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


class Heading(StrEnum):
    """Where a delivery is filed that somebody has to look at again."""

    CRITICAL = "critical"
    USUAL = "usual"
    CAMPAIGN = "campaign"
    CLAIMED = "claimed"
    """Whichever it was before, a worker has it."""


WAITING = (Heading.CRITICAL, Heading.USUAL, Heading.CAMPAIGN)

HEADING_OF_WAITING: Mapping[str, Any] = {
    "$switch": {
        "branches": [
            {"case": {"$eq": ["$priority", "critical"]}, "then": Heading.CRITICAL.value},
            {
                "case": {"$ne": [{"$type": "$campaign_id"}, "missing"]},
                "then": Heading.CAMPAIGN.value,
            },
        ],
        "default": Heading.USUAL.value,
    }
}
"""`heading_of_waiting` as an expression over a row."""

_SENDING = frozenset(channel.value for channel in SENDING_CHANNELS)


def heading_of_waiting(*, priority: str, campaign_id: UUID | None) -> Heading:
    """Return where a delivery of such a row waits."""
    if priority == "critical":
        return Heading.CRITICAL
    return Heading.USUAL if campaign_id is None else Heading.CAMPAIGN


def filed(
    channels: Mapping[str, Mapping[str, Any]], waiting: Heading, created_at: datetime
) -> dict[str, Mapping[str, Any]]:
    """Return `channels` of a row with each delivery filed by how it stands."""
    return {
        channel: {**state, "filed": _place(state, waiting, created_at)}
        if channel in _SENDING
        else state
        for channel, state in channels.items()
    }


def unfiled(channels: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return `channels` of a row as they are for all but the store."""
    return {
        channel: {name: value for name, value in state.items() if name != "filed"}
        for channel, state in channels.items()
    }


def _place(state: Mapping[str, Any], waiting: Heading, created_at: datetime) -> dict[str, Any]:
    if (due_at := state.get("due_at")) is None:
        return {"under": state["status"], "at": created_at}
    is_claimed = state["status"] == DeliveryStatus.SENDING
    return {"under": Heading.CLAIMED.value if is_claimed else waiting.value, "at": due_at}
