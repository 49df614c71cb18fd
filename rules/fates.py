"""What became of notifications, as far as it is counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from rules.deliveries import DeliveryStatus
from rules.kinds import Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """All that is asked of a notification when it is counted; many have the same."""

    kind: str
    business_id: UUID | None = None
    """Whom it is from, if it is from a business."""

    statuses: Mapping[Channel, DeliveryStatus]
    """How it stands on each of its channels."""

    is_read: bool = False
    is_clicked: bool = False
    read_quarter: int | None = None
    """In which quarter of an hour of UTC's day it was read, 0 to 95; of businesses' alone."""

    @property
    def went_out_by(self) -> tuple[Channel, ...]:
        """The channels on which the gates let it through."""
        return tuple(
            channel
            for channel, status in self.statuses.items()
            if status is not DeliveryStatus.SUPPRESSED
        )
