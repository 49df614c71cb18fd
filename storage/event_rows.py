"""An event before it is stored, and as the store gives it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from rules.lease import Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event to carry out, going on at `cursor`."""

    key: UUID
    sender: UUID
    event_id: str
    type: str
    occurred_at: datetime
    accepted_at: datetime
    data: dict[str, Any]
    lane: str
    cursor: int | None = None
    attempts: int = 0
    """How often its flow failed."""
    takeovers: int = 0
    """How often it was taken from an owner that was gone, perhaps because of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event as it arrives; without a lease it is stored for anybody to take."""

    key: UUID
    sender: UUID
    event_id: str
    type: str
    occurred_at: datetime
    data: dict[str, Any]
    """What JSON can say, and nothing else."""

    lane: str
    lease: Lease | None = None

    def stored(self, accepted_at: datetime) -> StoredEvent:
        """Return the event as the store gives it back."""
        return StoredEvent(
            key=self.key,
            sender=self.sender,
            event_id=self.event_id,
            type=self.type,
            occurred_at=_whole_ms(self.occurred_at),
            accepted_at=_whole_ms(accepted_at),
            data=self.data,
            lane=self.lane,
        )


def _whole_ms(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
