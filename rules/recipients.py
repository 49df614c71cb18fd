"""What gates know about somebody who may be told something."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from rules.preferences import DEFAULTS, Preferences


class Recipient(NamedTuple):
    """A user as a gate sees one: no names, no addresses, only whether there are any.

    Fan-outs make thousands, and a frozen dataclass takes twice the time.
    """

    user_id: UUID
    user_type: str | None = None
    preferences: Preferences = DEFAULTS
    has_email: bool = False
    has_phone: bool = False
    has_device: bool = False
