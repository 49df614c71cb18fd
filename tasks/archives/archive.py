"""What retention asks of an archive."""

from __future__ import annotations

from typing import Protocol


class ArchiveUnavailable(Exception):
    """A file could not be written; its rows stay where they are."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"the archive {place} cannot be written: {reason}")
        self.place = place
        self.reason = reason


class Archive(Protocol):
    """Keeps files by name."""

    async def put(self, name: str, content: bytes) -> None:
        """Keep `content` for good, in place of what has the name; raises ArchiveUnavailable.

        Names are relative paths, with `/` between their parts.
        """
