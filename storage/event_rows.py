"""An event before it is stored, and as the store gives it back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rules.ids import event_key

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from rules.lease import Lease


@dataclass(slots=True, kw_only=True)
class StoredEvent:
    """An event to carry out, going on at `cursor`; not to be changed.

    Neither this nor `NewEvent` is frozen, which would make each twice as dear.
    """

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
    until: int | None = None
    """The cursor at which it ends; None: where nobody is left."""
    share_of: UUID | None = None
    """The key of the event of which this is a share."""

    @property
    def whole(self) -> StoredEvent:
        """Return the event that people are told of: of a share, the one that it is a share of."""
        return self if self.share_of is None else replace(self, key=self.share_of)


@dataclass(slots=True, kw_only=True)
class NewEvent:
    """An event as it arrives, not to be changed; without a lease it is for anybody to take."""

    key: UUID
    sender: UUID
    event_id: str
    type: str
    occurred_at: datetime
    data: dict[str, Any]
    """What JSON can say, and nothing else."""

    lane: str
    lease: Lease | None = None
    cursor: int | None = None
    until: int | None = None
    share_of: UUID | None = None
    retry_at: datetime | None = None
    """From when on anybody may take it; None: at once."""

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
            cursor=self.cursor,
            until=self.until,
            share_of=self.share_of,
        )


def share_of(
    event: StoredEvent, *, cursor: int, until: int, lane: str, retry_at: datetime
) -> NewEvent:
    """Return the event by which anybody tells what `event` does from `cursor` to before `until`."""
    whole = event.share_of or event.key
    share = f"{cursor}-{until}"
    return NewEvent(
        key=event_key(whole, share),
        sender=event.sender,
        event_id=event.event_id,
        type=event.type,
        occurred_at=event.occurred_at,
        data=event.data,
        lane=lane,
        cursor=cursor,
        until=until,
        share_of=whole,
        retry_at=retry_at,
    )


def _whole_ms(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
