"""Uploads of pictures, and the look at them before anything is sent with them.

Errors: `ImageRefused`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import UUID

from config.settings import Settings
from rules.images import EXTENSIONS, KEPT_FOR, KEPT_IN_TEMPLATES_FOR, looks_like
from storage.image_objects import Found, ImageObjects, UploadForm, name_of
from storage.image_opening import open_image_objects
from storage.images import Image, ImagesRepository
from storage.positions import PositionClock

_NAME = re.compile(
    rf"([0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}})\.({'|'.join(EXTENSIONS.values())})"
)


class ImageRefused(Exception):
    """An address of ours at which there is no picture that may be shown."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(problem)
        self.url = url
        self.problem = problem


class Images:
    """The pictures of this service; those elsewhere are none of its business."""

    def __init__(
        self, stored: ImagesRepository, objects: ImageObjects, clock: PositionClock
    ) -> None:
        self._stored = stored
        self.objects = objects
        self._clock = clock

    async def announce(
        self, owner: UUID, *, content_type: str, size_bytes: int
    ) -> tuple[Image, UploadForm]:
        """Return a picture to be uploaded, and how. Raises DailyUploadsSpent."""
        image = await self._stored.add(
            owner, content_type=content_type, size_bytes=size_bytes, at=self._clock.store_now()
        )
        return image, self.objects.form(image)

    def url(self, image: Image) -> str:
        """Return where readers find it."""
        return self.objects.base_url + name_of(image)

    async def admit(self, *urls: str | None, kept_for: timedelta = KEPT_FOR) -> None:
        """Let pictures at `urls` be shown from now on; those that are ours are looked at.

        Raises ImageRefused, ImageStoreUnavailable.
        """
        ours = dict(self._ours(urls))
        if not ours:
            return
        found = await self._stored.find_many(set(ours.values()))
        for url, image_id in ours.items():
            if image_id not in found or self.url(found[image_id]) != url:
                raise ImageRefused(url, "There is no such image")
        images = {url: found[image_id] for url, image_id in ours.items()}
        await asyncio.gather(*(self._look(url, each) for url, each in images.items()))
        for url, image in images.items():
            if not await self._stored.use(image, until=self._clock.store_now() + kept_for):
                raise ImageRefused(url, "There is no such image")

    async def admit_mentioned(self, html: str) -> None:
        """Let a template show the pictures of ours that it names. Raises as `admit` does."""
        mentioned = re.findall(rf"{re.escape(self.objects.base_url)}[^\s\"'()<>{{}}]*", html)
        await self.admit(*mentioned, kept_for=KEPT_IN_TEMPLATES_FOR)

    def _ours(self, urls: Iterable[str | None]) -> Iterable[tuple[str, UUID]]:
        base = self.objects.base_url
        for url in urls:
            # Schemes and hosts may be written in any case.
            if url is None or url[: len(base)].lower() != base.lower():
                continue
            name = _NAME.fullmatch(url[len(base) :])
            if name is None:
                raise ImageRefused(url, "There is no such image")
            yield url, UUID(name[1])

    async def _look(self, url: str, image: Image) -> None:
        # Until its form has expired it can be replaced.
        if image.is_checked and image.expires_at < self._clock.store_now():
            return
        found = await self.objects.look(image)
        if found is None:
            raise ImageRefused(url, "The image has not been uploaded yet")
        if not _is_as_announced(image, found):
            raise ImageRefused(url, f"The file is no {image.content_type} as it was announced")


def open_images(
    settings: Settings, stored: ImagesRepository, clock: PositionClock, stack: AsyncExitStack
) -> Images:
    """Return the pictures of one server process; `stack` gives back what holds them."""
    objects = open_image_objects(settings)
    stack.push_async_callback(objects.close)
    return Images(stored, objects, clock)


def _is_as_announced(image: Image, found: Found) -> bool:
    return (
        found.content_type == image.content_type
        and 0 < found.size_bytes <= image.size_bytes
        and looks_like(image.content_type, found.head)
    )
