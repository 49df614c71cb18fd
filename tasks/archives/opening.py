"""Open the archive that settings or command line name; the SDK is loaded only then."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tasks.archives.directory import DirectoryArchive

if TYPE_CHECKING:
    from config.archive import ArchivePlace
    from tasks.archives.archive import Archive


def open_archive(place: ArchivePlace | None) -> Archive | None:
    """Return the archive at `place`, None when there is to be none."""
    if place is None:
        return None
    if place.bucket is None:
        return DirectoryArchive(Path(place.path))
    from tasks.archives.s3 import S3Archive  # noqa: PLC0415

    return S3Archive(place)
