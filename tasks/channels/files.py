"""The `file:` providers of push and SMS: one JSON file a message, below the data directory.

For development and for tests of the whole: what would have left the house can be looked at. A file
is named for its notification, so that one that is sent again is there once.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from rules.deliveries import Outcome, Sent, Transient

if TYPE_CHECKING:
    from tasks.permit import Permit


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` so that nobody ever sees a part of it; raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(content)
    unfinished.replace(path)


async def drop(path: Path, content: bytes, permit: Permit) -> Outcome:
    """Write a message's file; a disk that is full or a directory that is not ours is transient."""

    def write() -> None:
        permit.check()
        write_whole(path, content)

    try:
        await asyncio.to_thread(write)
    except OSError as error:
        return Transient(error.strerror or type(error).__name__)
    return Sent(path.name)
