"""Uses of the pictures that people upload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storage.images import Image, ImagesRepository
from tests.storage.filled.asked import LATER, OWNER, SETTLER
from tests.storage.filled.images import OVERDUE
from tests.storage.samples import NOON
from tests.storage.uses.use import Use, counted, counted_in_parts, is_found

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

IMAGE = Image(
    id=OVERDUE[3],
    owner=OWNER,
    content_type="image/png",
    size_bytes=9,
    created_at=NOON,
    expires_at=NOON,
    purge_at=NOON,
)


async def pending_again(database: AsyncIOMotorDatabase[Document]) -> None:
    row: dict[str, Any] = {
        "owner": OWNER,
        "content_type": "image/png",
        "size_bytes": 9,
        "status": "pending",
        "created_at": NOON,
        "expires_at": NOON,
        "purge_at": NOON,
    }
    await database["images"].replace_one({"_id": IMAGE.id}, row, upsert=True)
    await database["images"].delete_many({"owner": SETTLER})


async def removing_again(database: AsyncIOMotorDatabase[Document]) -> None:
    await pending_again(database)
    await database["images"].update_one({"_id": IMAGE.id}, {"$set": {"status": "removing"}})


USES = [
    Use(
        ImagesRepository.add,
        lambda stores: is_found(
            stores.images.add(SETTLER, content_type="image/png", size_bytes=9, at=LATER)
        ),
        restore=pending_again,
    ),
    Use(
        ImagesRepository.find_many,
        lambda stores: counted(stores.images.find_many(OVERDUE)),
        restore=pending_again,
    ),
    Use(
        ImagesRepository.use,
        lambda stores: stores.images.use(IMAGE, until=LATER),
        restore=pending_again,
    ),
    Use(
        ImagesRepository.overdue,
        lambda stores: counted(stores.images.overdue(by=NOON, limit=500)),
        ("overdue",),
        pending_again,
    ),
    Use(
        ImagesRepository.begin_removing,
        lambda stores: stores.images.begin_removing(IMAGE),
        restore=pending_again,
    ),
    Use(
        ImagesRepository.remove,
        lambda stores: stores.images.remove(IMAGE),
        restore=removing_again,
    ),
    Use(
        ImagesRepository.exported,
        lambda stores: counted_in_parts(stores.images.exported(OWNER)),
        ("owner",),
        pending_again,
    ),
]
