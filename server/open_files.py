"""How many files this process may have open: each socket is one (getrlimit(2))."""

from __future__ import annotations

import contextlib
import resource

SPARE_FILES = 1_000
"""For what is no socket of a client: stores, files, HTTP connections."""


def raise_file_limit() -> None:
    """Raise the soft limit to the hard one: who sets the soft one thinks of `select` (2)."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Some kernels allow less than the hard limit says; then what there is has to do.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def file_limit() -> int:
    """Return how many files may be open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft


def room_for(sockets: int, files: int) -> int:
    """Return for how many of `sockets` there is room among `files`."""
    return min(sockets, max(files - SPARE_FILES, files // 2))


def shortage(sockets: int, files: int) -> str | None:
    """Say what is wrong when there is not room for all of `sockets` among `files`."""
    room = room_for(sockets, files)
    if room == sockets:
        return None
    return (
        f"room for {room} sockets where SNB_SOCKETS is {sockets}: only {files} open files are "
        f"allowed, {sockets + SPARE_FILES} are wanted (ulimit -Hn)"
    )
