"""Listings, as the platform's events tell of them.

    {_id: listing_id, business_id, name, description, price, currency, expiry_date,
     pickup_location, image_url, is_removed, versions: {details: occurred_at, state: occurred_at},
     revision, announced_at, told: {expiring: {at, by}}, purge_at}

All that was said when a listing was created changes together, apart from whether it is removed.
What is told of it is kept as storage/standing.py says.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pymongo import UpdateOne

from storage.collection import StoreCollection
from storage.standing import Standing, StandingFields, Telling
from storage.versioned import newest_wins

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

KEPT = timedelta(days=180)
"""After the listing expires, or the last event that told of it."""


ON = StandingFields(state="is_removed", is_on=False, time="expiry_date")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingDetails:
    """What is said of a listing when it is created."""

    business_id: UUID
    name: str
    description: str | None = None
    price: str
    currency: str
    expiry_date: datetime
    pickup_location: str
    image_url: str | None = None


_DETAILS = tuple(field.name for field in fields(ListingDetails))


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingChange:
    """What one event says of a listing: that it is there, with `details`, or that it is removed."""

    listing_id: str
    occurred_at: datetime
    accepted_at: datetime
    details: ListingDetails | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One listing; without details while only its removal has been told of."""

    id: str
    is_removed: bool
    details: ListingDetails | None


class ListingsRepository:
    """The collection `listings`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._listings = StoreCollection(database["listings"])

    async def apply(self, changes: Sequence[ListingChange], *, at: datetime) -> None:
        """Store `changes`, the newest of the details and of the state winning."""
        await self._listings.bulk_update(
            UpdateOne({"_id": change.listing_id}, _update(change, at), upsert=True)
            for change in changes
        )

    async def find(self, listing_id: str) -> Listing | None:
        """Return the listing, or None when there is none."""
        found = await self._listings.find_one({"_id": listing_id})
        return None if found is None else _listing(found)

    async def standing(self, listing_ids: Iterable[str]) -> dict[str, Standing]:
        """Return how those of `listing_ids` stand that are known."""
        rows = await self._listings.find_by_id(listing_ids, {}, ON.projection)
        return {row["_id"]: ON.standing(row) for row in rows}

    async def tell(self, telling: Telling) -> Listing | None:
        """Take in that this is told now; return the listing to tell of.

        None when it is not on at the time, or another event told of it for the same time. An event
        that is carried out again is let through again.
        """
        await self._listings.bulk_update([ON.told(telling)])
        found = await self._listings.find_one({"_id": telling.id})
        return _listing(found) if found and ON.is_told_by(telling, found) else None

    async def removed(self, listing_ids: Iterable[str]) -> set[str]:
        """Return those of `listing_ids` that are removed."""
        found = await self._listings.find_by_id(listing_ids, {"is_removed": True}, {"_id": 1})
        return {row["_id"] for row in found}

    async def on_offer(
        self, business_id: UUID, *, new_since: datetime, at: datetime, limit: int
    ) -> list[Listing]:
        """Return what the business has told of since then and offers at `at`, newest first."""
        found = await self._listings.lagging().find(
            {"business_id": business_id, "expiry_date": {"$gt": at}}, limit=limit
        )
        new = [
            row
            for row in found
            if not row["is_removed"] and row["versions"]["details"] >= new_since
        ]
        new.sort(key=lambda row: (row["versions"]["details"], row["_id"]), reverse=True)
        return [_listing(row) for row in new]


def _update(change: ListingChange, at: datetime) -> list[dict[str, Any]]:
    said: dict[str, dict[str, Any]] = {"state": {"is_removed": change.details is None}}
    last = at
    if change.details is not None:
        said["details"] = {name: getattr(change.details, name) for name in _DETAILS}
        last = max(at, change.details.expiry_date)
    update = ON.counted(newest_wins(said, change.occurred_at), accepted_at=change.accepted_at)
    return [*update, {"$set": {"purge_at": {"$max": [last + KEPT, "$purge_at"]}}}]


def _listing(row: Document) -> Listing:
    details = None
    if "business_id" in row:
        said: dict[str, Any] = {name: row.get(name) for name in _DETAILS}
        details = ListingDetails(**said)
    return Listing(id=row["_id"], is_removed=row["is_removed"], details=details)
