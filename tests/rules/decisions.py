"""Who is asked about in the tests of the gates, and what is decided of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from rules.gates import Decision, decide
from rules.kinds import KINDS, Channel, Kind
from rules.preferences import Preferences
from rules.recipients import Recipient

SHOP = UUID("50000000-0000-4000-8000-000000000001")
OTHER_SHOP = UUID("50000000-0000-4000-8000-000000000002")
ALL = tuple(Channel)
LISTING = KINDS["new_listing"]

NOON = datetime(2026, 11, 22, 10, tzinfo=UTC)
"""In Johannesburg, where nobody has quiet hours then by default."""

NIGHT = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
MORNING = datetime(2026, 11, 23, 5, tzinfo=UTC)
"""When the default quiet hours end after `NIGHT`."""

EVERYTHING_ON = Preferences(promotional_notifications=True)
REACHABLE = Recipient(
    user_id=UUID(int=1),
    preferences=EVERYTHING_ON,
    has_email=True,
    has_phone=True,
    has_device=True,
)


def preferring(changes: dict[str, Any], recipient: Recipient = REACHABLE) -> Recipient:
    """Return the recipient with other preferences."""
    return recipient._replace(preferences=replace(recipient.preferences, **changes))


def without(address: str, recipient: Recipient = REACHABLE) -> Recipient:
    """Return the recipient without `address`, such as `has_email`."""
    changes: dict[str, Any] = {address: False}
    return recipient._replace(**changes)


def decided(
    recipient: Recipient,
    kind: Kind = LISTING,
    *,
    at: datetime = NOON,
    is_critical: bool = False,
    over_cap: Collection[Channel] = (),
) -> dict[Channel, Decision]:
    """Return what is decided of each channel, for a listing at noon unless told otherwise."""
    return decide(
        kind=kind,
        channels=ALL,
        business_id=SHOP,
        recipient=recipient,
        at=at,
        is_critical=is_critical,
        over_cap=over_cap,
    )


def everywhere(decision: Decision) -> dict[Channel, Decision]:
    """Return the same decision of all channels."""
    return dict.fromkeys(ALL, decision)
