"""Read from the notifications themselves what counts to somebody's caps of a day."""

from __future__ import annotations

import asyncio
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

USERS_AT_ONCE = 20
"""Queries that share the client's connections: the embedded store is given four."""


class ChargesRepository:
    """The collection `notifications`, as the caps see it."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._rows = StoreCollection(database["notifications"])

    async def on(self, days: Mapping[UUID, LocalDay]) -> list[Charges]:
        """Return what counts on each user's day.

        By a query a user, some at once: for several users the embedded store would read all that
        they ever got.
        """
        found: list[Charges] = []
        for some in portions(days.items(), USERS_AT_ONCE):
            found += await asyncio.gather(*(self._of(user_id, day) for user_id, day in some))
        return found

    async def _of(self, user_id: UUID, day: LocalDay) -> Charges:
        rows = await self._rows.find(
            {"recipient_id": user_id, "created_at": {"$gte": day.starts_at - WAITED_AT_MOST}},
            {"created_at": 1, "priority": 1, "channels": 1},
        )
        charged = {row["_id"]: _charged(row, day) for row in rows}
        return Charges(
            user_id, day, {id_: channels for id_, channels in charged.items() if channels}
        )


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
