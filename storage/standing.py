"""Whether a thing is on, and when, and who has been told of it: kept beside what events say of it.

    {revision, announced_at, told: {<what>: {at, by: event key}}}

A pickup is on at its time until it is over; a listing until it expires or is removed. `revision`
counts what was told of it; `announced_at` is when this service heard that it is on at this time;
`told` says of what people were told, for which time and by which event, so that they are told once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pymongo import UpdateOne

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from storage.client import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a thing stands after what is known of it."""

    id: str
    at: datetime | None
    """None when it is not on: over, or never told of."""

    announced_at: datetime | None
    revision: int
    told: frozenset[str] = field(default_factory=frozenset)
    """Of what people were told for this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """An event is about to tell people of `what`, of a thing that is on at a time."""

    id: str
    what: str
    at: datetime
    event_key: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingFields:
    """By which fields a collection says it: on while `state` is `is_on`, at `time`."""

    state: str
    is_on: str | bool
    time: str

    @property
    def projection(self) -> dict[str, int]:
        """Return what `standing` reads."""
        names = (self.state, self.time, "announced_at", "revision", "told")
        return dict.fromkeys(names, 1)

    def counted(
        self, update: list[dict[str, Any]], *, accepted_at: datetime
    ) -> list[dict[str, Any]]:
        """Return `update`, by an event accepted then, that also keeps these fields."""
        is_same = {
            "$and": [
                {"$eq": ["$before.state", self.is_on]},
                {"$eq": ["$before.time", f"${self.time}"]},
            ]
        }
        return [
            {"$set": {"before": {"state": f"${self.state}", "time": f"${self.time}"}}},
            *update,
            {
                "$set": {
                    "announced_at": {"$cond": [is_same, "$announced_at", accepted_at]},
                    "revision": {"$add": [{"$ifNull": ["$revision", 0]}, 1]},
                }
            },
            {"$unset": "before"},
        ]

    def standing(self, row: Document) -> Standing:
        """Return how the thing of `row` stands."""
        at = row.get(self.time) if row[self.state] == self.is_on else None
        told = row.get("told", {})
        return Standing(
            id=row["_id"],
            at=at,
            announced_at=row.get("announced_at"),
            revision=row["revision"],
            told=frozenset(what for what, each in told.items() if each["at"] == at),
        )

    def told(self, telling: Telling) -> UpdateOne:
        """Return the update by which `telling` is taken in, if it is the first of its time."""
        told = f"told.{telling.what}"
        return UpdateOne(
            {
                "_id": telling.id,
                self.state: self.is_on,
                self.time: telling.at,
                f"{told}.at": {"$ne": telling.at},
            },
            {"$set": {told: {"at": telling.at, "by": telling.event_key}}},
        )

    def is_told_by(self, telling: Telling, row: Mapping[str, Any]) -> bool:
        """Tell whether `telling` was taken in, and the thing is still on at its time."""
        told = row.get("told", {}).get(telling.what)
        return (
            row[self.state] == self.is_on
            and row.get(self.time) == telling.at
            and told == {"at": telling.at, "by": telling.event_key}
        )
