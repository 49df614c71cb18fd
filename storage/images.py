"""Pictures that people upload: who may upload which, and whether it has been looked at.

    {_id, owner, content_type, size_bytes, status: pending|checked|removing,
     created_at, expires_at, purge_at}

The places of a day are the ids: a picture takes the first that its owner has free, so nobody has
more than a day's worth whatever runs at once. `purge_at` is when the file and then its row are
removed; it moves on as the picture is used. Errors: `DailyUploadsSpent`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from rules.images import UNUSED_FOR, UPLOAD_WITHIN, UPLOADS_A_DAY
from storage.collection import StoreCollection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.encryption import FieldCipher

MOVES_BY = timedelta(days=7)
"""`purge_at` is written again only when it would move on by this."""


class DailyUploadsSpent(Exception):
    """The owner has had the day's uploads."""

    def __init__(self, limit: int, retry_after_s: int) -> None:
        super().__init__(limit)
        self.limit = limit
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A picture, uploaded or to be uploaded."""

    id: UUID
    owner: UUID
    content_type: str
    size_bytes: int
    """As announced: the most that may be uploaded."""

    created_at: datetime
    expires_at: datetime
    """Until when it may be uploaded."""

    purge_at: datetime
    is_checked: bool = False


class ImagesRepository:
    """The collection `images`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document], cipher: FieldCipher) -> None:
        self._images = StoreCollection(database["images"])
        self._cipher = cipher

    async def add(self, owner: UUID, *, content_type: str, size_bytes: int, at: datetime) -> Image:
        """Add a picture that is to be uploaded. Raises DailyUploadsSpent."""
        places = [self._place(owner, at, number) for number in range(UPLOADS_A_DAY)]
        rows = await self._images.find_by_id(places, {}, {"_id": 1})
        taken = {row["_id"] for row in rows}
        for place in places:
            if place in taken:
                continue
            image = Image(
                id=place,
                owner=owner,
                content_type=content_type,
                size_bytes=size_bytes,
                created_at=at,
                expires_at=at + UPLOAD_WITHIN,
                purge_at=at + UNUSED_FOR,
            )
            if not await self._images.insert_new([_row(image)]):
                return image
        tomorrow = datetime.combine(at.date() + timedelta(days=1), time(), UTC)
        raise DailyUploadsSpent(UPLOADS_A_DAY, int((tomorrow - at).total_seconds()) + 1)

    async def find_many(self, ids: Iterable[UUID]) -> dict[UUID, Image]:
        """Return those of `ids` that there are."""
        return {row["_id"]: _image(row) for row in await self._images.find_by_id(ids, {})}

    async def use(self, image: Image, *, until: datetime) -> bool:
        """Keep a picture until then, found to be what it says; False where it is going away."""
        if image.is_checked and until < image.purge_at + MOVES_BY:
            return True
        return await self._images.update_one(
            {"_id": image.id, "status": {"$ne": "removing"}},
            {"$set": {"status": "checked"}, "$max": {"purge_at": until}},
        )

    async def overdue(self, *, by: datetime, limit: int) -> list[Image]:
        """Return pictures whose time is over."""
        rows = await self._images.find({"purge_at": {"$lte": by}}, limit=limit)
        return [_image(row) for row in rows]

    async def begin_removing(self, image: Image) -> bool:
        """Let nobody use a picture any more; False where somebody has meanwhile."""
        return await self._images.update_one(
            {"_id": image.id, "purge_at": image.purge_at}, {"$set": {"status": "removing"}}
        )

    async def remove(self, image: Image) -> None:
        """Forget a picture whose file is gone."""
        await self._images.delete_one({"_id": image.id, "status": "removing"})

    async def exported(self, owner: UUID) -> AsyncIterator[list[Document]]:
        """Yield what is kept of what somebody uploaded."""
        async for rows in self._images.lagging().find_all({"owner": owner}):
            yield rows

    def _place(self, owner: UUID, at: datetime, number: int) -> UUID:
        # Ids stand in addresses, and are not to tell whose the pictures are.
        place = self._cipher.lookup_hash(f"image/{owner}/{at.date()}/{number}")
        return UUID(bytes=place[:16], version=4)


def _row(image: Image) -> Document:
    return {
        "_id": image.id,
        "owner": image.owner,
        "content_type": image.content_type,
        "size_bytes": image.size_bytes,
        "status": "checked" if image.is_checked else "pending",
        "created_at": image.created_at,
        "expires_at": image.expires_at,
        "purge_at": image.purge_at,
    }


def _image(row: Document) -> Image:
    return Image(
        id=row["_id"],
        owner=row["owner"],
        content_type=row["content_type"],
        size_bytes=row["size_bytes"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        purge_at=row["purge_at"],
        is_checked=row["status"] == "checked",
    )
