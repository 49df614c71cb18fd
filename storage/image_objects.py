"""Where the files of uploaded pictures are: on this machine, or in a bucket.

Errors: `ImageStoreUnavailable`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rules.images import EXTENSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.images import Image

FOLDER = "images"


class ImageStoreUnavailable(Exception):
    """The pictures cannot be reached, or not in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadForm:
    """A form (`multipart/form-data`) that uploads one picture: its fields, then `file`."""

    url: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What there is of a picture."""

    head: bytes
    """How it begins: `HEAD_BYTES` of it."""

    size_bytes: int
    content_type: str
    """As which it is given to readers."""


class ImageObjects(Protocol):
    """What both can do."""

    base_url: str
    """All pictures are below it, under their names."""

    def form(self, image: Image) -> UploadForm:
        """Return how to upload `image`."""

    async def look(self, image: Image) -> Found | None:
        """Return what was uploaded, None while nothing was. Raises ImageStoreUnavailable."""

    async def remove(self, image: Image) -> None:
        """Remove what was uploaded, if anything. Raises ImageStoreUnavailable."""

    async def close(self) -> None:
        """Give back what it holds."""


def name_of(image: Image) -> str:
    """Return the name of the file."""
    return f"{image.id}.{EXTENSIONS[image.content_type]}"
