"""The actor that keeps when users were last here; all that wait are one write."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from actors.asked import Asked
from actors.batch_actor import BatchActor
from storage.client import StoreUnavailable
from storage.last_activity import LastActivity

GATHERED_FOR_S = 0.25
"""Nobody waits for it, so that when many come at once they are a few writes."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WasHere:
    """A user did something at `at`."""

    user_id: UUID
    at: datetime


class ActivityKeeper(BatchActor[WasHere]):
    """Writes it down; while the store is away it is not known, and nothing else suffers."""

    mailbox_limit = 10_000

    def __init__(self, last_activity: LastActivity) -> None:
        super().__init__()
        self._last_activity = last_activity

    async def on_receive_many(self, messages: Sequence[Asked[WasHere]]) -> None:
        """Keep that all were here in the last of these moments: it is kept to the hour."""
        seen = {asked.message.user_id for asked in messages}
        at = max(asked.message.at for asked in messages)
        try:
            await self._last_activity.note(seen, at=at)
        except StoreUnavailable as error:
            log.warning("activity_not_kept", users=len(seen), reason=error.reason)
        await asyncio.sleep(GATHERED_FOR_S)
