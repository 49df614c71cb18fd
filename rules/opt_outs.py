"""What counts as an opt-out: a preference that was on and is switched off (contract section 2.6).

What is switched off is named as people know it: a channel (`email`, `push`, `sms`), a kind of
notification, `all`, or `business` for one of them. What was off already is no opt-out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rules.preferences import DEFAULTS


class Way(StrEnum):
    """How somebody opted out."""

    UNSUBSCRIBED = "unsubscribed"
    """By the link in an email."""

    SWITCHED_OFF = "switched_off"
    """By changing their preferences."""


@dataclass(frozen=True, slots=True)
class Switch:
    """A preference that is on or off; `off` is its value when it is off."""

    preference: str
    what: str
    off: bool = False

    @property
    def default(self) -> bool:
        """Its value when it was never set."""
        return bool(getattr(DEFAULTS, self.preference))


SWITCHES = (
    Switch("email_notifications", "email"),
    Switch("push_notifications", "push"),
    Switch("sms_notifications", "sms"),
    Switch("new_listing_notifications", "new_listing"),
    Switch("promotional_notifications", "promotional"),
    Switch("weekly_digest", "weekly_digest"),
    Switch("mute_all", "all", off=True),
)

A_BUSINESS = "business"


@dataclass(frozen=True, slots=True)
class Muted:
    """An entry of a list of what is muted."""

    preference: str
    what: str
    entry: str


def switched_off(changes: Mapping[str, Any]) -> Iterator[Switch | Muted]:
    """Yield what is off once `changes` are made, as far as they say; it may have been before."""
    for switch in SWITCHES:
        if changes.get(switch.preference) is switch.off:
            yield switch
    for kind in changes.get("muted_types", ()):
        yield Muted("muted_types", kind, kind)
    for business_id in changes.get("muted_businesses", ()):
        yield Muted("muted_businesses", A_BUSINESS, business_id)
