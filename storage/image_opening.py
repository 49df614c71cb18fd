"""Open the place of uploaded pictures that the settings name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from storage.image_bucket import ImageBucket
from storage.image_files import ImageFiles

if TYPE_CHECKING:
    from config.settings import Settings
    from storage.image_objects import ImageObjects


def open_image_objects(settings: Settings) -> ImageObjects:
    """Return a bucket, or files below the data directory."""
    if settings.images is None:
        return ImageFiles(settings.data_dir, settings.public_url, settings.encryption_keys)
    # A bucket compares with its own clock, and tolerates a quarter of an hour.
    return ImageBucket(settings.images, lambda: datetime.now(UTC))
