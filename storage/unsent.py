"""What workers have yet to send: deliveries that are due, and those that some worker has.

They are found across all recipients, by indexes that hold nothing else. What is critical has one of
its own, and so has what is claimed: neither may be buried under a day's backlog.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rules.deliveries import DeliveryStatus
from rules.lease import Lease
from storage.collection import StoreCollection
from storage.positions import EPOCH

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.deliveries import Ref


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that waits, and is to be queued again."""

    ref: Ref
    is_critical: bool
    is_of_campaign: bool


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that some worker has."""

    ref: Ref
    claim: UUID
    lease: Lease
    claimed_at: datetime
    attempts: int
    forgiven: int
    is_begun: bool
    """The last attempt has not ended."""

    is_critical: bool


class UnsentRepository:
    """The field `channels` of the collection `notifications`, as the sweep looks at it."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._rows = StoreCollection(database["notifications"])

    async def due(self, channel: str, *, before: datetime, limit: int) -> list[Due]:
        """Return at most `limit` that wait and were due before `before`, the oldest first."""
        due_at = f"channels.{channel}.due_at"
        found = await self._rows.find(
            {
                due_at: {"$lt": before},
                f"channels.{channel}.status": {"$ne": DeliveryStatus.SENDING},
            },
            {"recipient_id": 1, "priority": 1, "campaign_id": 1},
            sort=[(due_at, 1)],
            limit=limit,
        )
        return [_due(row) for row in found]

    async def due_critical(self, channel: str, *, before: datetime, limit: int) -> list[Due]:
        """Return at most `limit` critical ones of `due`, however much else is due before them."""
        return await self._due_of({"priority": "critical"}, channel, before, limit)

    async def due_usual(self, channel: str, *, before: datetime, limit: int) -> list[Due]:
        """Return at most `limit` ones of `due` that are of no campaign, critical ones too."""
        return await self._due_of({"campaign_id": None}, channel, before, limit)

    async def _due_of(
        self, which: Mapping[str, Any], channel: str, before: datetime, limit: int
    ) -> list[Due]:
        state = f"channels.{channel}"
        found = await self._rows.find(
            {**which, f"{state}.due_at": {"$gte": EPOCH, "$lt": before}},
            {"recipient_id": 1, "priority": 1, "campaign_id": 1, f"{state}.status": 1},
            sort=[(f"{state}.due_at", 1)],
            limit=limit,
        )
        # Here, because the embedded store serves a filter by the index only if that has all of it.
        return [
            _due(row)
            for row in found
            if row["channels"][channel]["status"] != DeliveryStatus.SENDING
        ]

    async def claimed(self, channel: str, *, before: datetime, limit: int) -> list[Claimed]:
        """Return at most `limit` deliveries that workers took before `before`, oldest first."""
        state = f"channels.{channel}"
        found = await self._rows.find(
            {f"{state}.claimed_at": {"$lt": before}},
            {"recipient_id": 1, "priority": 1, state: 1},
            sort=[(f"{state}.claimed_at", 1)],
            limit=limit,
        )
        return [_claimed(channel, row) for row in found]


def _ref(document: Document) -> Ref:
    return document["recipient_id"], document["_id"]


def _due(document: Document) -> Due:
    return Due(
        _ref(document),
        is_critical=document["priority"] == "critical",
        is_of_campaign="campaign_id" in document,
    )


def _claimed(channel: str, document: Document) -> Claimed:
    state = document["channels"][channel]
    attempts = state.get("attempts", ())
    return Claimed(
        ref=_ref(document),
        claim=state["claim"],
        lease=Lease(state["owner"], state["epoch"]),
        claimed_at=state["claimed_at"],
        attempts=len(attempts),
        forgiven=state.get("forgiven", 0),
        is_begun=bool(attempts) and "ended_at" not in attempts[-1],
        is_critical=document["priority"] == "critical",
    )
