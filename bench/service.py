"""The real topology: embedded store, embedded Redis and one `run.py serve`, each a process.

Where deliveries are measured there is one `run.py worker` as well.

`SNB_MONGODB_URI` and `SNB_REDIS_URL` in the environment name other stores to measure on, and
further `SNB_...` variables reach the server as they are.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

import pymongo

from bench.account import Watched, cpu_s
from config.settings import Settings, read_settings
from server.probe import is_ready
from storage.embedded import EmbeddedMongo, EmbeddedRedis, EmbeddedServer
from storage.embedded_child import end, spawn

PROGRAM = Path(__file__).resolve().parent.parent / "run.py"
HOST = "127.0.0.1"
READY_WITHIN_S = 30.0
STOP_WITHIN_S = 15.0
SETTLE_WITHIN_S = 120.0
QUIET_S = 0.3
QUIET_CPU_S = 0.006
"""A server that uses less in `QUIET_S` does nothing but its heartbeats."""
POLL_S = 0.05
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
    log: Path
    server: Popen[bytes] | None = None
    worker: Popen[bytes] | None = None

    @property
    def server_pid(self) -> int:
        """The server process."""
        assert self.server is not None
        return self.server.pid

    @property
    def watched(self) -> Watched:
        """All processes of ours but the clients."""
        stores = {name: store.child.pid for name, store in self.stores.items() if store.child}
        worker = {} if self.worker is None else {"worker": self.worker.pid}
        return Watched({"server": self.server_pid, **worker, **stores})

    def start_server(self) -> None:
        """Start a server process, in place of the one that runs, and wait until it is ready."""
        self.stop_server()
        with self.log.open("ab") as output:
            self.server = spawn([sys.executable, PROGRAM, "serve"], env=self.environ, output=output)
        deadline = time.monotonic() + READY_WITHIN_S
        while not is_ready(self.settings):
            if self.server.poll() is not None or time.monotonic() > deadline:
                raise ServiceFailed(f"the server is not ready: {self.complaints()[-3:]}")
            time.sleep(POLL_S)

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
        assert self.settings.mongodb_uri is not None
        with pymongo.MongoClient[dict[str, Any]](self.settings.mongodb_uri) as client:
            processes = client[self.settings.mongodb_database]["processes"]
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

    def settle(self) -> None:
        """Wait until every accepted event is carried out and the server does nothing more."""
        deadline = time.monotonic() + SETTLE_WITHIN_S
        assert self.settings.mongodb_uri is not None
        with pymongo.MongoClient[dict[str, Any]](self.settings.mongodb_uri) as client:
            events = client[self.settings.mongodb_database]["events"]
            while events.count_documents({"pending_owner": {"$gte": ""}}):
                _check(deadline, "events are still pending")
                time.sleep(PENDING_POLL_S)
        before_s = cpu_s(self.server_pid)
        while True:
            time.sleep(QUIET_S)
            now_s = cpu_s(self.server_pid)
            if now_s - before_s < QUIET_CPU_S:
                return
            before_s = now_s
            _check(deadline, "the server does not come to rest")

    def complaints(self) -> list[str]:
        """Return the lines of what they log, which has warnings and worse."""
        return self.log.read_text("utf-8", errors="replace").splitlines()


@contextmanager
def running_service(variables: Mapping[str, str] | None = None) -> Iterator[RunningService]:
    """Start the processes with an empty database, and stop them and remove their files.

    `variables` are settings of theirs besides, over those of the environment.
    """
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="snb-bench-")))
        environ = {
            **os.environ,
            "SNB_ENV": "development",
            "SNB_HOST": HOST,
            "SNB_PORT": str(_free_port()),
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
        for variable, name, server in wanted:
            if variable not in environ:
                stack.callback(server.stop)
                environ[variable] = server.start()
                stores[name] = server
        service = RunningService(
            environ=environ,
            settings=read_settings(environ),
            stores=stores,
            log=directory / "server.log",
        )
        if "store" not in stores:
            stack.callback(_drop_database, service.settings)
        stack.callback(service.stop_server)
        stack.callback(service.stop_worker)
        service.start_server()
        yield service


def _drop_database(settings: Settings) -> None:
    assert settings.mongodb_uri is not None
    with pymongo.MongoClient[dict[str, Any]](settings.mongodb_uri) as client:
        client.drop_database(settings.mongodb_database)


def _check(deadline: float, problem: str) -> None:
    if time.monotonic() > deadline:
        raise ServiceFailed(problem)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
