"""Who is to be told what, before anything is decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from actors.flows.content import Content
from rules.kinds import Channel
from rules.recipients import Recipient
from storage.events import StoredEvent


@dataclass(frozen=True, slots=True)
class Cause:
    """What somebody is told for, once: of one cause and kind there is one notification for each."""

    key: UUID
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One content of one event, for one recipient or a batch of them."""

    event: StoredEvent
    content: Content
    recipients: Sequence[Recipient]
    channels: tuple[Channel, ...] | None = None
    """Instead of those of the kind, fewer or others (contract 2.1: `channels`)."""

    is_refused_over_cap: bool = False
    """Whether who has had the day's worth in the app gets nothing at all, not even a row."""

    cause: Cause | None = None
    """Instead of the event, where several events may lead to the same."""
