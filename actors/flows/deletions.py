"""`user.deleted`: keep who is no longer there (contract section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from actors.flows.plan import ReadModelFlow
from storage.events import StoredEvent
from storage.users import UsersRepository


class UserDeletions(ReadModelFlow):
    """`user.deleted`."""

    def __init__(self, users: UsersRepository) -> None:
        self._users = users

    async def apply(self, events: Sequence[StoredEvent]) -> None:
        """Store when which users were deleted."""
        deletions: dict[UUID, datetime] = {}
        for event in events:
            user_id = UUID(event.data["id"])
            deletions[user_id] = max(event.occurred_at, deletions.get(user_id, event.occurred_at))
        await self._users.note_deleted(deletions)
