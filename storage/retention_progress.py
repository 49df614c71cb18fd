"""How far retention is, so that a run goes on where another was killed.

    {_id: "blanked", until}                     all rows before it are blanked
    {_id: "archive", since, until, is_written}  the batch on its way into the archive

A batch is named here before it is written and until its rows are gone. So one that was killed is
done again whole, or, once it is written, only removed: a file is never written anew from what is
left of its rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage.collection import StoreCollection
from storage.positions import EPOCH

if TYPE_CHECKING:
    from datetime import datetime

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

BLANKED, ARCHIVE = "blanked", "archive"


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows made from `since` to before `until`."""

    since: datetime
    until: datetime
    is_written: bool = False


class RetentionProgress:
    """The collection `retention`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._rows = StoreCollection(database["retention"])

    async def blanked_until(self) -> datetime:
        """Return before when all rows are blanked."""
        row = await self._rows.find_one({"_id": BLANKED})
        return EPOCH if row is None else row["until"]

    async def blanked(self, until: datetime) -> None:
        """Keep that all rows before `until` are blanked; what was kept never goes back."""
        await self._rows.insert_if_absent({"_id": BLANKED}, {"until": EPOCH})
        await self._rows.update_one({"_id": BLANKED}, {"$max": {"until": until}})

    async def open_batch(self) -> Batch | None:
        """Return the batch that is begun and not ended."""
        row = await self._rows.find_one({"_id": ARCHIVE})
        return None if row is None else Batch(row["since"], row["until"], row["is_written"])

    async def begin(self, batch: Batch) -> bool:
        """Open `batch`; tell whether there was none before."""
        row = {"since": batch.since, "until": batch.until, "is_written": False}
        return not await self._rows.insert_new([{"_id": ARCHIVE, **row}])

    async def written(self, batch: Batch) -> None:
        """Keep that the open batch is in the archive, if it is this one."""
        await self._rows.update_one(_this(batch), {"$set": {"is_written": True}})

    async def end(self, batch: Batch) -> None:
        """Close the open batch, if it is this one."""
        await self._rows.delete_one(_this(batch))


def _this(batch: Batch) -> dict[str, Any]:
    return {"_id": ARCHIVE, "since": batch.since, "until": batch.until}
