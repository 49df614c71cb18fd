"""Where the server processes of one machine listen for one another: Unix sockets in a directory.

A place has the name of one process and no other, made of the running system's, the service's and
its own, so that services side by side do not meet and nobody is taken for somebody else. What a
process that is killed leaves there goes with its next incarnation.
"""

from __future__ import annotations

import errno
import os
import socket
from hashlib import sha256
from pathlib import Path


class LinkPlaces:
    """The places of one service, by whatever name that has, in an open directory."""

    def __init__(self, directory: Path, service: str) -> None:
        """Open the directory, and make it; only its user may enter. Raises OSError."""
        # By the running system, since a disk may be several machines'.
        self._service = f"{_running_system()} {service}"
        self._opened = _open_private(directory)
        """By it what is in the directory has a short path, as sockets need (unix(7))."""

    def close(self) -> None:
        """Close the directory."""
        os.close(self._opened)

    def of(self, process: str) -> Path:
        """Return where `process` listens, if it is on this machine."""
        owner, _, epoch = process.rpartition("#")
        name = sha256(f"{self._service} {owner}".encode()).hexdigest()[:32]
        return Path(f"/proc/self/fd/{self._opened}") / f"{name}.{epoch}.sock"

    def remove(self, process: str) -> None:
        """Remove the place of `process`."""
        self.of(process).unlink(missing_ok=True)

    def remove_former(self, process: str) -> None:
        """Remove what earlier incarnations of `process` have left, which nobody asks any more."""
        place = self.of(process)
        name, _, _ = place.name.partition(".")
        for left in set(place.parent.glob(f"{name}.*.sock")) - {place}:
            left.unlink(missing_ok=True)

    def has_died(self, process: str) -> bool:
        """Tell whether `process` listened here and nobody does any more: it is surely no more.

        The system says so at once. One that lives is asked nothing, but takes it for a link.
        """
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as asking:
                return asking.connect_ex(str(self.of(process))) == errno.ECONNREFUSED
        except OSError:
            # There are too many open files, for one.
            return False


def _running_system() -> str:
    """Return what no other running system has."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _open_private(directory: Path) -> int:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    found = os.fstat(opened)
    if found.st_uid != os.geteuid() or found.st_mode & 0o077:
        os.close(opened)
        raise PermissionError(errno.EPERM, "others may enter it")
    return opened
