"""What workers have yet to send: deliveries that are due, and those that some worker has.

They are found across all recipients, by how they are filed: what is critical or claimed is not
buried under a day's backlog, nor anything under a campaign.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rules.lease import Lease
from storage.collection import StoreCollection
from storage.filing import Heading
from storage.positions import EPOCH

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.deliveries import Ref


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

    async def due(
        self, channel: str, heading: Heading, *, before: datetime, limit: int
    ) -> list[Ref]:
        """Return at most `limit` that wait under `heading`, due before `before`, oldest first."""
        found = await self._filed(channel, heading, before, limit, {"recipient_id": 1})
        return [_ref(row) for row in found]

    async def claimed(self, channel: str, *, before: datetime, limit: int) -> list[Claimed]:
        """Return at most `limit` that a worker has, to be asked after before `before`."""
        fields = {"recipient_id": 1, "priority": 1, f"channels.{channel}": 1}
        found = await self._filed(channel, Heading.CLAIMED, before, limit, fields)
        return [_claimed(channel, row) for row in found]

    async def _filed(
        self, channel: str, heading: Heading, before: datetime, limit: int, fields: Document
    ) -> list[Document]:
        filed = f"channels.{channel}.filed"
        return await self._rows.find(
            {f"{filed}.under": heading, f"{filed}.at": {"$gte": EPOCH, "$lt": before}},
            fields,
            sort=[(f"{filed}.at", 1)],
            limit=limit,
        )


def _ref(document: Document) -> Ref:
    return document["recipient_id"], document["_id"]


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
