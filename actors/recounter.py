"""The actor that counts what users have: for all who wait together, a few at a time.

Whoever connects is told a count first, so when everybody comes back at once this is what they wait
for. Counted one by one they would take every thread of the store's client, and all else would wait
behind them. So one batch is counted at a time, on one thread, and who comes meanwhile is in the
next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from pykka import ActorDeadError

from actors.asked import Asked
from actors.batch_actor import BatchActor
from actors.loop_ref import DeadlineExceeded, LoopActorRef
from actors.mailbox import MailboxFull
from storage.client import StoreUnavailable
from storage.notifications import Counted, Mark, NotificationsRepository, Snapshot

COUNTED_WITHIN_S = 9.0
"""A little less than a connection waits to be attached."""


class Recounter(BatchActor[Counted]):
    """Counts for all who wait. Asked; replies with a `Snapshot`, raises StoreUnavailable."""

    batch_limit = 20
    """So that who comes next waits for 0.1 s of the embedded store."""

    def __init__(self, notifications: NotificationsRepository) -> None:
        super().__init__()
        self._notifications = notifications

    async def on_receive_many(self, messages: Sequence[Asked[Counted]]) -> None:
        """Count, and answer each."""
        snapshots = await self._notifications.snapshots([asked.message for asked in messages])
        for asked, snapshot in zip(messages, snapshots, strict=True):
            asked.reply(snapshot)


class Recounts(Protocol):
    """What users' actors ask for."""

    async def snapshot(self, user_id: UUID, mark: Mark, *, recent_since: datetime) -> Snapshot:
        """Count the user's rows that have `mark`; raises StoreUnavailable.

        Of each row from `recent_since` on it is said that it was seen, with the mark or not.
        """


class SharedRecounts:
    """Has the recounter count."""

    def __init__(self, recounter: Callable[[], LoopActorRef[Recounter]]) -> None:
        self._recounter = recounter

    async def snapshot(self, user_id: UUID, mark: Mark, *, recent_since: datetime) -> Snapshot:
        """Count; what takes too long is as good as away."""
        wanted = Counted(user_id, mark, recent_since)
        try:
            snapshot: Snapshot = await self._recounter().request(
                wanted, deadline_s=COUNTED_WITHIN_S
            )
        except (ActorDeadError, MailboxFull, DeadlineExceeded) as error:
            raise StoreUnavailable(f"no recount: {type(error).__name__}") from None
        return snapshot
