"""`run.py all`: the whole service on one machine; and `run.py serve` when it is several processes.

Starts the embedded stores where no URI is given, then servers and worker; starts again what dies,
and stores that answer no more; stops all in reverse. What would keep it from starting is found out
before anything is started.
When this process is itself killed, the kernel ends its children (storage/embedded_child.py).

Several servers listen on one port (SO_REUSEPORT, socket(7)): the kernel spreads new connections
over them. Where a balancer is to choose each has a port of its own as well (SNB_PROCESS_PORT). Each
has a name of its own, by which it takes over what its last incarnation had in hand.
"""

from __future__ import annotations

import fcntl
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import structlog

from config.settings import Settings, read_settings
from server.children import REFUSED, Kept, ProgramChild, Refused, StoreChild
from server.embedded_uris import forget_uris, write_uris
from server.probe import is_ready
from server.store_chore import StoreChore
from server.store_watch import PATIENCE, Patience, StoreWatch
from storage.embedded import EmbeddedError, EmbeddedMongo
from storage.embedded_child import spawn
from storage.embedded_redis import EmbeddedRedis

log = structlog.get_logger(__name__)

TICK_S = 0.2
SERVER_STOP_S = 24.0
"""Longer than all that a server gives its clients, actors and stores in the end."""

WORKER_STOP_S = 25.0
"""Longer than the 20 s that the worker gives the tasks in hand."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class CannotLaunch(Exception):
    """The service cannot run here as it is told, and nothing of it runs now."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def launch(
    settings: Settings,
    environ: Mapping[str, str],
    *,
    program: Path,
    when_ready: Callable[[Settings], None],
    patience: Patience = PATIENCE,
) -> int:
    """Run the service until told to stop, and return the exit status.

    `program` is `run.py`, whose subcommands the children are; `when_ready` is called once, when
    the server first says that it is ready. The status is 2 when a child refused to run, which it
    has then explained itself. Raises CannotLaunch.
    """
    with _locked(settings.data_dir):
        try:
            start = partial(_Family.start, patience=patience)
            return _run(settings, environ, program, start, when_ready)
        finally:
            forget_uris(settings.data_dir)


def launch_servers(settings: Settings, environ: Mapping[str, str], *, program: Path) -> int:
    """Run the server processes, on stores that are given, as `launch` does the whole service."""
    return _run(settings, environ, program, _Family.start_servers, lambda _: None)


def _run(
    settings: Settings,
    environ: Mapping[str, str],
    program: Path,
    start: Callable[[_Family, Settings], None],
    when_ready: Callable[[Settings], None],
) -> int:
    stop = threading.Event()
    for number in STOP_SIGNALS:
        signal.signal(number, lambda _number, _frame: stop.set())
    port = _port_to_listen_on(settings)
    environ = {**environ, "SNB_PORT": str(port), "SNB_DATA_DIR": str(settings.data_dir)}
    settings = read_settings(environ)
    family = _Family(program, dict(environ), stop)
    try:
        start(family, settings)
        family.look_after(settings, when_ready)
        log.info("stopping")
    except EmbeddedError as error:
        raise CannotLaunch(str(error)) from None
    except Refused:
        return REFUSED
    finally:
        family.stop()
    return 0


class _Family:
    """The children, in the order of their start."""

    def __init__(self, program: Path, environ: dict[str, str], stop: threading.Event) -> None:
        self._program = program
        self._environ = environ
        self._stop = stop
        self._children: list[Kept] = []
        self.embedded: dict[str, str] = {}
        """Variable -> URI of each embedded store."""
        self._servers: list[ProgramChild] = []
        self._watches: list[StoreWatch | StoreChore] = []

    def start(self, settings: Settings, *, patience: Patience) -> None:
        for variable, given, store in (
            ("SNB_MONGODB_URI", settings.mongodb_uri, EmbeddedMongo(settings.data_dir / "mongodb")),
            ("SNB_REDIS_URL", settings.redis_url, EmbeddedRedis(settings.data_dir / "redis")),
        ):
            if given is None:
                self._start_store(variable, StoreChild(store), patience)
        self.start_servers(settings)
        self._start_program("worker", stop_within_s=WORKER_STOP_S)
        write_uris(settings.data_dir, self.embedded)

    def start_servers(self, settings: Settings) -> None:
        if settings.processes == 1:
            self._servers.append(self._start_program("serve", stop_within_s=SERVER_STOP_S))
            return
        for number in range(settings.processes):
            own = {
                "SNB_INSTANCE": f"{settings.instance}/{number + 1}",
                "SNB_LINKS_DIR": str(settings.links_dir or settings.data_dir / "links"),
            }
            if settings.process_port is not None:
                own["SNB_PROCESS_PORT"] = str(settings.process_port + number)
            server = self._start_program(
                "serve", "--shared-port", stop_within_s=SERVER_STOP_S, SNB_PROCESSES="1", **own
            )
            self._servers.append(server)

    def look_after(self, settings: Settings, when_ready: Callable[[Settings], None]) -> None:
        was_ready = False
        while not self._stop.wait(TICK_S):
            for watch in self._watches:
                watch.look(time.monotonic())
            for child in self._children:
                child.look_after()
            if not was_ready and is_ready(settings):
                was_ready = True
                when_ready(settings)

    def stop(self) -> None:
        for watch in self._watches:
            watch.close()
        for kept in reversed(self._children):
            if kept.child in self._servers:
                # All at once, or clients would be sent from one to the next that stops.
                self._ask_servers_to_stop()
            kept.child.stop()
            log.debug("stopped", child=kept.child.name)

    def _start_store(self, variable: str, store: StoreChild, patience: Patience) -> None:
        self._start(Kept(store))
        self._watches.append(StoreWatch(store, patience))
        if store.has_chore:
            self._watches.append(StoreChore(store))
        self._environ[variable] = self.embedded[variable] = store.uri

    def _ask_servers_to_stop(self) -> None:
        while self._servers:
            self._servers.pop().ask_to_stop()

    def _start_program(
        self, name: str, *options: str, stop_within_s: float, **variables: str
    ) -> ProgramChild:
        def spawn_it() -> subprocess.Popen[bytes]:
            return spawn(
                [sys.executable, self._program, name, *options],
                env=self._environ | variables,
                # It holds nothing that a kill could spoil, so it need not be asked.
                orphan_signal=signal.SIGKILL,
            )

        child = ProgramChild(name, spawn_it, stop_within_s=stop_within_s)
        self._start(Kept(child))
        return child

    def _start(self, kept: Kept) -> None:
        # Before it starts, so that one that fails half way is stopped as well.
        self._children.append(kept)
        kept.start()
        log.debug("started", child=kept.child.name)


@contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    """Hold the data directory; it is let go of even by a kill."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (data_dir / "lock").open("w")
    except OSError as error:
        raise CannotLaunch(f"SNB_DATA_DIR: cannot use {data_dir} ({error.strerror})") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            problem = f"SNB_DATA_DIR: {data_dir} is in use by another run of the service"
            raise CannotLaunch(problem) from None
        yield


def _port_to_listen_on(settings: Settings) -> int:
    """Return the port, a free one for 0, having made sure that it and others can be had."""
    with ExitStack() as stack:
        if settings.process_port is not None:
            for number in range(settings.processes):
                stack.enter_context(
                    _bound("SNB_PROCESS_PORT", settings.host, settings.process_port + number)
                )
        # With those in hand, or a free one could be one of them.
        probe = stack.enter_context(_bound("SNB_PORT", settings.host, settings.port))
        port: int = probe.getsockname()[1]
        return port


def _bound(variable: str, host: str, port: int) -> socket.socket:
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror:
        raise CannotLaunch(f"SNB_HOST: {host} is not an address of this machine") from None
    family, kind, protocol, _, address = addresses[0]
    probe = socket.socket(family, kind, protocol)
    try:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
    except OSError as error:
        probe.close()
        problem = f"{variable}: cannot listen on {host}:{port} ({error.strerror})"
        raise CannotLaunch(problem) from None
    return probe
