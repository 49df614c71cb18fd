"""Jobs done by the clock: who is to do one next, and how the last run went.

    {_id: name, due_at, ended_at, duration_s, said, error, runs, failures}

A row comes with the first run. `due_at` is when the job may be begun again: whoever moves it on
does the job, so of all processes one does. `said` is of the last run that went well; `error` names
what the last one failed of, and is None when it went well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage.collection import StoreCollection

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """How a job has gone so far; nothing is known of a run that has not ended."""

    name: str
    ended_at: datetime | None = None
    duration_s: float = 0.0
    said: str | None = None
    error: str | None = None
    runs: int = 0
    failures: int = 0
    """How many of `runs` failed."""


class JobsRepository:
    """The collection `jobs`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._jobs = StoreCollection(database["jobs"])

    async def begin(self, name: str, *, at: datetime, again_at: datetime) -> bool:
        """Tell whether the job is due and ours; if so it is due again at `again_at`."""
        row = await self._jobs.find_one({"_id": name}, {"due_at": 1})
        if row is None:
            new = {"_id": name, "due_at": again_at, "runs": 0, "failures": 0}
            return not await self._jobs.insert_new([new])
        if row["due_at"] > at:
            return False
        return await self._jobs.update_one(
            {"_id": name, "due_at": row["due_at"]}, {"$set": {"due_at": again_at}}
        )

    async def succeeded(self, name: str, said: str, *, at: datetime, took: timedelta) -> None:
        """Keep that a run ended well, and what it did."""
        await self._ended(name, at, took, {"said": said, "error": None}, failures=0)

    async def failed(
        self, name: str, error: str, *, at: datetime, took: timedelta, again_at: datetime
    ) -> None:
        """Keep that a run failed and of what; it is due again at `again_at`."""
        await self._ended(name, at, took, {"error": error, "due_at": again_at}, failures=1)

    async def all(self) -> list[JobRow]:
        """Return the jobs that were ever begun, by name."""
        rows = await self._jobs.find({}, {"due_at": 0})
        return [
            JobRow(name=row.pop("_id"), **row) for row in sorted(rows, key=lambda row: row["_id"])
        ]

    async def _ended(
        self, name: str, at: datetime, took: timedelta, how: dict[str, Any], *, failures: int
    ) -> None:
        row = {"_id": name}
        ended = {
            "$set": {"ended_at": at, "duration_s": took.total_seconds(), **how},
            "$inc": {"runs": 1, "failures": failures},
        }
        if not await self._jobs.update_one(row, ended):
            # One that is run by hand may never have been begun by the clock.
            await self._jobs.insert_if_absent(row, {"due_at": at, "runs": 0, "failures": 0})
            await self._jobs.update_one(row, ended)
