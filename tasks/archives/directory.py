"""An archive in a directory of this machine, or one that is mounted on it."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING
from uuid import uuid4

from tasks.archives.archive import ArchiveUnavailable

if TYPE_CHECKING:
    from pathlib import Path


class DirectoryArchive:
    """Files below `root`, which is made when it is not there."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, name: str, content: bytes) -> None:
        """Write the file and wait until the disk has it."""
        try:
            await asyncio.to_thread(_write, self._root / name, content)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise ArchiveUnavailable(str(self._root), reason) from error


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two runs may write the same file, and in containers all have the same process id.
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    # The rows are removed next, so the name has to be on the disk, too.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
