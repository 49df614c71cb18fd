"""Where notifications are archived before they are removed: `SNB_ARCHIVE`, `--archive`.

path/to/directory
s3://bucket/prefix?region=af-south-1&endpoint=http://...
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from config.reader import is_url

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_OPTIONS = frozenset({"region", "endpoint"})


class ArchiveUnusable(Exception):
    """The text names no place for an archive."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivePlace:
    """A directory, or a bucket and the prefix of what goes into it."""

    path: str
    bucket: str | None = None
    region: str | None = None
    endpoint: str | None = None

    def __str__(self) -> str:
        """Return the place as operators know it."""
        return self.path if self.bucket is None else f"s3://{self.bucket}/{self.path}"


def read_archive_place(text: str) -> ArchivePlace:
    """Return the place that `text` names. Raises ArchiveUnusable."""
    if "://" not in text:
        path = Path(text).expanduser().absolute()
        if path.exists() and not path.is_dir():
            raise ArchiveUnusable(f"{path} is not a directory")
        return ArchivePlace(path=str(path))
    parts = urlsplit(text)
    if parts.scheme != "s3":
        raise ArchiveUnusable("must be a directory or s3://bucket/prefix")
    if not _BUCKET.fullmatch(parts.netloc):
        raise ArchiveUnusable("names no bucket of S3")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := options.keys() - _OPTIONS:
        raise ArchiveUnusable(f"has an unknown option {min(unknown)!r}")
    endpoint = options.get("endpoint")
    if endpoint is not None and not is_url(endpoint, ("http", "https")):
        raise ArchiveUnusable("endpoint must be a URL such as http://127.0.0.1:9000")
    return ArchivePlace(
        path=parts.path.strip("/"),
        bucket=parts.netloc,
        region=options.get("region"),
        endpoint=endpoint,
    )
