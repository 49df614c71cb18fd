"""The real topology: embedded store, embedded Redis and one `run.py serve`, each a process.

Where deliveries are measured there is one `run.py worker` as well; `SNB_PROCESSES` has the server
be several.

`SNB_MONGODB_URI` and `SNB_REDIS_URL` in the environment name other stores to measure on, and
further `SNB_...` variables reach the server as they are.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Any
from urllib.parse import urlsplit

import pymongo
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database

from bench.account import Reading, Watched, cpu_s, family, listener
from bench.balancer import BalancerFailed, running_balancer
from bench.ports import HOST, free_ports
from config.settings import Settings, read_settings
from server.probe import is_ready
from storage.embedded import EmbeddedMongo, EmbeddedServer
from storage.embedded_child import end, spawn
from storage.embedded_redis import EmbeddedRedis

PROGRAM = Path(__file__).resolve().parent.parent / "run.py"
READY_WITHIN_S = 30.0
STOP_WITHIN_S = 15.0
SETTLE_WITHIN_S = 120.0
QUIET_S = 0.3
QUIET_CPU_S = 0.006
"""A process that uses less in `QUIET_S` does nothing but its heartbeats."""
QUIET_SOCKET_CPU_S = 2e-6
"""What a socket adds to that: a ping and its answer, some 150 us, once in 30 s."""
POLL_S = 0.05
REST_S = 4.0
"""Long beside a heartbeat."""

SAMPLED = 200
PENDING_POLL_S = 0.25
"""Seldom, because asking costs the store CPU that is in the figures."""


class ServiceFailed(Exception):
    """The service did not do what has to be there before anything can be measured."""


@dataclass(slots=True)
class RunningService:
    """The processes and how to reach them."""

    environ: Mapping[str, str]
    settings: Settings
    stores: Mapping[str, EmbeddedServer]
    given: Mapping[str, int]
    """Stores that were there already, where their process can be seen."""
    log: Path
    server: Popen[bytes] | None = None
    worker: Popen[bytes] | None = None
    sockets: int = 0
    """Which clients hold; they are pinged."""
    balancer: Popen[bytes] | None = None
    port: int = 0
    """Where clients come to: the server's, or that of the balancer before it."""

    at_rest: dict[str, float] = field(default_factory=dict)
    """What each process uses by the clock, of a core, once `rest` has looked."""

    @property
    def server_pid(self) -> int:
        """The server process, or who keeps the several."""
        assert self.server is not None
        return self.server.pid

    @property
    def server_pids(self) -> list[int]:
        """The server processes, and who keeps them where there are several."""
        return family(self.server_pid)

    @property
    def watched(self) -> Watched:
        """All processes of ours but the clients."""
        stores = {name: [store.child.pid] for name, store in self.stores.items() if store.child}
        given = {name: [pid] for name, pid in self.given.items()}
        worker = {} if self.worker is None else {"worker": [self.worker.pid]}
        balancer = {} if self.balancer is None else {"balancer": [self.balancer.pid]}
        return Watched({"server": self.server_pids, **worker, **balancer, **stores, **given})

    def start_server(self, variables: Mapping[str, str] | None = None) -> None:
        """Start a server in place of the one that runs, and wait until it is ready.

        `variables` are settings of it alone.
        """
        self.stop_server()
        with self.log.open("ab") as output:
            self.server = spawn(
                [sys.executable, PROGRAM, "serve"],
                env={**self.environ, **(variables or {})},
                output=output,
            )
        deadline = time.monotonic() + READY_WITHIN_S
        while not is_ready(self.settings) or self._serving() < self.settings.processes:
            if self.server.poll() is not None or time.monotonic() > deadline:
                raise ServiceFailed(f"the server is not ready: {self.complaints()[-3:]}")
            time.sleep(POLL_S)

    def _serving(self) -> int:
        """Return how many processes have begun to serve; a single one is asked itself."""
        if self.settings.processes == 1:
            return 1
        with self.database() as database:
            rows = database["processes"].find({"kind": "server", "beat": {"$gte": 1}})
            return len({row["pid"] for row in rows} & set(self.server_pids))

    def mean_bytes(self, collection: str) -> float:
        """Return what the documents of `collection` are long on the average, of some of them."""
        assert self.settings.mongodb_uri is not None
        with pymongo.MongoClient(
            self.settings.mongodb_uri, document_class=RawBSONDocument
        ) as client:
            found = client[self.settings.mongodb_database][collection].find().limit(SAMPLED)
            lengths = [len(document.raw) for document in found]
        return sum(lengths) / len(lengths) if lengths else float("nan")

    @contextmanager
    def database(self) -> Iterator[Database[dict[str, Any]]]:
        """Open the store beside the service."""
        assert self.settings.mongodb_uri is not None
        with pymongo.MongoClient[dict[str, Any]](self.settings.mongodb_uri) as client:
            yield client[self.settings.mongodb_database]

    def stop_server(self) -> None:
        """Stop the server process if there is one."""
        if self.server is not None:
            end(self.server, deadline_s=STOP_WITHIN_S)

    def start_worker(self, variables: Mapping[str, str]) -> int:
        """Start the one worker, its environment extended by `variables`; return its id."""
        with self.log.open("ab") as output:
            self.worker = spawn(
                [sys.executable, PROGRAM, "worker"],
                env={**self.environ, **variables},
                output=output,
            )
        deadline = time.monotonic() + READY_WITHIN_S
        with self.database() as database:
            processes = database["processes"]
            while not processes.count_documents({"kind": "worker", "pid": self.worker.pid}):
                if self.worker.poll() is not None:
                    raise ServiceFailed(f"the worker has ended: {self.complaints()[-3:]}")
                _check(deadline, "the worker is not ready")
                time.sleep(POLL_S)
        return self.worker.pid

    def stop_worker(self) -> None:
        """Stop the worker process if there is one."""
        if self.worker is not None:
            end(self.worker, deadline_s=STOP_WITHIN_S)

    def rest(self) -> None:
        """Take down what each process uses while nothing is asked of it."""
        self.settle()
        before = self.watched.read()
        time.sleep(REST_S)
        after = self.watched.read()
        elapsed_s = after.at_s - before.at_s
        self.at_rest = {name: used / elapsed_s for name, used in after.since(before).items()}

    def spent(self, before: Reading) -> dict[str, float]:
        """Return what each process has used since `before`, less what it uses at rest, in s."""
        now = self.watched.read()
        elapsed_s = now.at_s - before.at_s
        return {
            name: max(0.0, used_s - elapsed_s * self.at_rest.get(name, 0.0))
            for name, used_s in now.since(before).items()
        }

    def settle(self) -> None:
        """Wait until every accepted event is carried out and the server does nothing more."""
        deadline = time.monotonic() + SETTLE_WITHIN_S
        with self.database() as database:
            events = database["events"]
            while events.count_documents({"pending_owner": {"$gte": ""}}):
                _check(deadline, "events are still pending")
                time.sleep(PENDING_POLL_S)
        pids = self.server_pids
        quiet_s = QUIET_CPU_S * len(pids) + QUIET_SOCKET_CPU_S * self.sockets
        before_s = sum(map(cpu_s, pids))
        while True:
            time.sleep(QUIET_S)
            now_s = sum(map(cpu_s, pids))
            if now_s - before_s < quiet_s:
                return
            before_s = now_s
            _check(deadline, "the server does not come to rest")

    def complaints(self) -> list[str]:
        """Return the lines of what they log, which has warnings and worse."""
        return self.log.read_text("utf-8", errors="replace").splitlines()


@contextmanager
def running_service(
    variables: Mapping[str, str] | None = None, *, is_balanced: bool = False
) -> Iterator[RunningService]:
    """Start the processes with an empty database, and stop them and remove their files.

    `variables` are settings of theirs besides, over those of the environment. `is_balanced` has
    clients come by a balancer, which knows each server process by a port of its own.
    """
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="snb-bench-")))
        environ = {
            **os.environ,
            "SNB_ENV": "development",
            "SNB_HOST": HOST,
            "SNB_PORT": str(free_ports(1)),
            "SNB_DATA_DIR": str(directory),
            "SNB_MONGODB_DATABASE": f"bench_{secrets.token_hex(6)}",
            "SNB_JWT_SECRET": secrets.token_hex(32),
            "SNB_INSTANCE": "bench",
            "SNB_LOG_LEVEL": "warning",
            # A few clients ask as fast as they can.
            "SNB_RATE_LIMITS": "off",
            **(variables or {}),
        }
        wanted: tuple[tuple[str, str, EmbeddedServer], ...] = (
            ("SNB_MONGODB_URI", "store", EmbeddedMongo(directory / "mongodb")),
            ("SNB_REDIS_URL", "redis", EmbeddedRedis(directory / "redis")),
        )
        stores: dict[str, EmbeddedServer] = {}
        given: dict[str, int] = {}
        for variable, name, server in wanted:
            if variable not in environ:
                stack.callback(server.stop)
                environ[variable] = server.start()
                stores[name] = server
            elif (pid := _local_process(environ[variable])) is not None:
                given[name] = pid
        service = RunningService(
            environ=environ,
            settings=read_settings(environ),
            stores=stores,
            given=given,
            log=directory / "server.log",
        )
        service.port = service.settings.port
        if "store" not in stores:
            stack.callback(_drop_database, service.settings)
        stack.callback(service.stop_server)
        stack.callback(service.stop_worker)
        service.start_server()
        if is_balanced:
            _put_balancer_before(service, directory, stack)
        yield service


def _put_balancer_before(service: RunningService, directory: Path, stack: ExitStack) -> None:
    first = service.settings.process_port
    assert first is not None
    ports = range(first, first + service.settings.processes)
    service.port = free_ports(1)
    try:
        balancer = stack.enter_context(running_balancer(directory, service.port, ports))
    except BalancerFailed as error:
        raise ServiceFailed(str(error)) from None
    service.balancer = balancer.process


def _drop_database(settings: Settings) -> None:
    assert settings.mongodb_uri is not None
    with pymongo.MongoClient[dict[str, Any]](settings.mongodb_uri) as client:
        client.drop_database(settings.mongodb_database)


def _local_process(uri: str) -> int | None:
    """Return the process behind `uri`, None where it is on another machine."""
    parts = urlsplit(uri)
    if parts.hostname not in ("127.0.0.1", "localhost") or parts.port is None:
        return None
    return listener(parts.port)


def _check(deadline: float, problem: str) -> None:
    if time.monotonic() > deadline:
        raise ServiceFailed(problem)
