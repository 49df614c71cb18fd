"""Read from the notifications themselves what counts to somebody's caps of a day."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from rules.caps import is_charged
from rules.kinds import Channel
from storage.cap_ledger import Charges
from storage.collection import StoreCollection, portions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from rules.local_day import LocalDay
    from storage.client import Document

WAITED_AT_MOST = timedelta(days=2)
"""How much older than the day a row may be that counts on it: quiet hours, and retries after."""


class ChargesRepository:
    """The collection `notifications`, as the caps see it."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._rows = StoreCollection(database["notifications"])

    async def on(self, days: Mapping[UUID, LocalDay]) -> list[Charges]:
        """Return what counts on each user's day."""
        found: dict[UUID, dict[UUID, list[Channel]]] = defaultdict(dict)
        for users in portions(days):
            since = min(days[user_id].starts_at for user_id in users) - WAITED_AT_MOST
            rows = await self._rows.find(
                {"recipient_id": {"$in": users}, "created_at": {"$gte": since}},
                {"recipient_id": 1, "created_at": 1, "priority": 1, "channels": 1},
            )
            for row in rows:
                user_id = row["recipient_id"]
                channels = _charged(row, days[user_id])
                if channels:
                    found[user_id][row["_id"]] = channels
        return [Charges(user_id, day, found[user_id]) for user_id, day in days.items()]


def _charged(row: Document, day: LocalDay) -> list[Channel]:
    return [
        Channel(channel)
        for channel, state in row["channels"].items()
        if is_charged(
            state,
            day=day,
            created_at=row["created_at"],
            is_critical=row["priority"] == "critical",
        )
    ]
