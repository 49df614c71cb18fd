"""Say what counts to the caps of a day (contract section 5).

Pure. A notification counts on each channel on which it is sent, on the recipient's local day of
sending, and once however often it is tried. What is critical counts to none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from config.daily_caps import DailyCaps
from rules.gates import NOW, Decision
from rules.kinds import Channel
from rules.local_day import LocalDay

CHARGED_ON = "charged_on"
"""Key of a channel's state: the local day on which it was claimed, where it waited for that."""

GIVEN_BACK = frozenset({"suppressed", "failed", "dead"})
"""Statuses of what nobody was sent."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """What one notification wants to be counted to."""

    user_id: UUID
    notification_id: UUID
    day: LocalDay
    wanted: tuple[tuple[Channel, int], ...]
    """Channels with their caps."""

    is_led_by_first: bool = False
    """Whether nothing is wanted any more when the first of `wanted` is over its cap."""


def capped(
    table: DailyCaps, user_type: str | None, decisions: Mapping[Channel, Decision]
) -> tuple[tuple[Channel, int], ...]:
    """Return the channels used now that have a cap, in the app first."""
    caps = table.of(user_type)
    return tuple(
        (channel, cap)
        for channel, cap in (
            (Channel.IN_APP, caps.in_app),
            (Channel.EMAIL, caps.email),
            (Channel.PUSH, caps.push),
            (Channel.SMS, caps.sms),
        )
        if cap is not None and decisions.get(channel) is NOW
    )


def is_charged(
    state: Mapping[str, Any],
    *,
    day: LocalDay,
    created_at: datetime,
    is_critical: bool,
) -> bool:
    """Tell whether a notification counts on `day` on a channel with this `state`.

    What waited from the beginning counts when it is claimed; what is suppressed or ends in failure
    after that was given back.
    """
    if is_critical or state["status"] in GIVEN_BACK:
        return False
    charged_on = state.get(CHARGED_ON)
    if charged_on is not None:
        return bool(charged_on == day.date.isoformat())
    has_waited = state["status"] == "deferred" and not state.get("attempts")
    return day.holds(created_at) and not has_waited
