"""Remove pictures that nothing was sent with, and those whose notifications are long gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.rounds import Done

if TYPE_CHECKING:
    from datetime import datetime

    from storage.image_objects import ImageObjects
    from storage.images import Image, ImagesRepository

AT_ONCE = 200


class ImagePurge:
    """The file goes first, then its row: a kill in between leaves the row for the next time."""

    def __init__(self, images: ImagesRepository, objects: ImageObjects) -> None:
        self._images = images
        self._objects = objects

    async def purge(self, as_of: datetime) -> Done:
        """Remove what is overdue. Raises ImageStoreUnavailable."""
        count, has_more = 0, True
        while has_more:
            overdue = await self._images.overdue(by=as_of, limit=AT_ONCE)
            for image in overdue:
                count += await self._remove(image)
            has_more = len(overdue) == AT_ONCE
        return Done(count, "images removed")

    async def _remove(self, image: Image) -> bool:
        if not await self._images.begin_removing(image):
            return False
        await self._objects.remove(image)
        await self._images.remove(image)
        return True
