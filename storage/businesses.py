"""Businesses, as the platform's events tell of them, and how many follow each.

    {_id, owner_id, name, logo, address, rating, versions: {field: occurred_at},
     followers_count, followers_revision}

Errors: `BusinessNotFound`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pymongo import UpdateOne

from rules.business_changes import KnownBusiness
from storage.collection import StoreCollection
from storage.versioned import newest_wins

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence
    from datetime import datetime

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

FIELDS = frozenset({"owner_id", "name", "logo", "address", "rating"})


class BusinessNotFound(LookupError):
    """No event has told of this business."""

    def __init__(self, business_id: UUID) -> None:
        super().__init__(f"no business {business_id}")
        self.business_id = business_id


@dataclass(frozen=True, slots=True)
class BusinessChange:
    """What one event says of a business; a field that is None is removed."""

    business_id: UUID
    fields: Mapping[str, Any]
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Business:
    """One business; the name is empty while only an update without it has arrived."""

    id: UUID
    owner_id: UUID | None
    name: str
    logo: str | None
    address: str | None
    rating: float | None
    followers_count: int


@dataclass(frozen=True, slots=True)
class FollowersCount:
    """How many follow a business, and how often that number has been written."""

    count: int
    revision: int | None


class BusinessesRepository:
    """The collection `businesses`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._businesses = StoreCollection(database["businesses"])

    async def apply(self, changes: Sequence[BusinessChange]) -> None:
        """Store `changes`, each field's newest value winning."""
        await self._businesses.bulk_update(
            [
                UpdateOne(
                    {"_id": change.business_id},
                    newest_wins(
                        {field: _stored(field, value) for field, value in change.fields.items()},
                        change.occurred_at,
                    ),
                    upsert=True,
                )
                for change in changes
                if change.fields
            ]
        )

    async def find(self, business_id: UUID) -> Business | None:
        """Return the business, or None when there is none."""
        return (await self.find_many([business_id])).get(business_id)

    async def get(self, business_id: UUID) -> Business:
        """Return the business; raise BusinessNotFound when there is none."""
        found = await self.find(business_id)
        if found is None:
            raise BusinessNotFound(business_id)
        return found

    async def find_owned(self, owner_id: UUID) -> Business | None:
        """Return the business that the user owns; of several the one with the lowest id."""
        found = await self._businesses.find({"owner_id": owner_id}, {"versions": 0})
        return _business(min(found, key=lambda each: each["_id"])) if found else None

    def exported(self, owner_id: UUID) -> AsyncIterator[list[Document]]:
        """Yield what is stored of the businesses that the user owns."""
        return self._businesses.lagging().find_all({"owner_id": owner_id})

    async def find_many(self, ids: Collection[UUID]) -> dict[UUID, Business]:
        """Return the businesses `ids`; one that is unknown is absent."""
        found = await self._businesses.find_by_id(ids, {}, {"versions": 0})
        return {business["_id"]: _business(business) for business in found}

    async def known(self, ids: Collection[UUID]) -> dict[UUID, KnownBusiness]:
        """Return what is known of the businesses `ids`, and since when; others are absent."""
        found = await self._businesses.find_by_id(
            ids, {}, {"versions": 1, **dict.fromkeys(FIELDS, 1)}
        )
        return {
            business["_id"]: KnownBusiness(
                {name: business[name] for name in FIELDS if name in business},
                business.get("versions", {}),
            )
            for business in found
        }

    async def count_followers(self, by: Mapping[UUID, int]) -> None:
        """Add to the counts of followers of each business.

        One by one, in one round trip: an update of many is not tried again by the driver after a
        failover, and on shards that are being moved it may count twice.
        """
        await self._businesses.bulk_update(
            (
                UpdateOne(
                    {"_id": business_id},
                    {"$inc": {"followers_count": more, "followers_revision": 1}},
                )
                for business_id, more in by.items()
            ),
            is_ordered=False,
        )

    async def followers_count(self, business_id: UUID) -> FollowersCount:
        """Return the count of followers with its revision, to be written back changed."""
        found = await self._businesses.find_one(
            {"_id": business_id}, {"followers_count": 1, "followers_revision": 1}
        )
        found = found or {}
        return FollowersCount(found.get("followers_count", 0), found.get("followers_revision"))

    async def correct_followers_count(
        self, business_id: UUID, count: int, *, revision: int | None
    ) -> bool:
        """Set the count, unless it has been written since `revision`; tell whether it was set."""
        return await self._businesses.update_one(
            {"_id": business_id, "followers_revision": revision},
            {"$set": {"followers_count": count, "followers_revision": (revision or 0) + 1}},
        )


def _stored(field: str, value: Any) -> dict[str, Any]:
    if field not in FIELDS:
        raise ValueError(f"businesses have no field {field!r}")
    if field == "owner_id" and value is not None:
        return {field: UUID(value)}
    return {field: value}


def _business(found: Document) -> Business:
    return Business(
        id=found["_id"],
        owner_id=found.get("owner_id"),
        name=found.get("name", ""),
        logo=found.get("logo"),
        address=found.get("address"),
        rating=found.get("rating"),
        followers_count=found.get("followers_count", 0),
    )
