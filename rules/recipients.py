"""What gates know about somebody who may be told something."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from rules.preferences import DEFAULTS, Preferences


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A user as a gate sees one: no names, no addresses, only whether there are any."""

    user_id: UUID
    user_type: str | None = None
    preferences: Preferences = DEFAULTS
    has_email: bool = False
    has_phone: bool = False
    has_device: bool = False
