"""What is repeated of the REST API: the requests of a row, and the frames that they bring."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence

from bench.http_load import Load, Loaded
from bench.peers import Peer, Reply
from bench.population import Person
from bench.report import percentile
from bench.rest_rows import SENT_LISTING, Frames, Row
from bench.rest_world import CONNECTIONS
from bench.service import RunningService
from bench.swarm import Connect, Disconnect, Expect, Report, Seen
from bench.wire_tally import Hold, LetGo

FRAMES_WITHIN_S = 5.0
POLL_S = 0.02
MUST_BE_ZERO = ("failed", "lost")


class RestRounds:
    """Measures rows over a service that is up and populated."""

    def __init__(
        self,
        service: RunningService,
        http: Peer,
        swarm: Peer,
        deadline_s: float,
        connections: int = CONNECTIONS,
    ) -> None:
        self._service = service
        self._http = http
        self._swarm = swarm
        self._deadline_s = deadline_s
        self._connections = connections

    def connect(self, people: Sequence[Person]) -> None:
        """Connect a socket for each of `people`, who stay connected."""
        settings = self._service.settings
        tokens = [person.token for person in people]
        self._swarm.call(Disconnect())
        self._swarm.call(
            Connect(host=settings.host, port=self._service.port, tokens=tokens, at_once=len(tokens))
        )
        self._service.settle()

    def measure(self, row: Row, number: int) -> dict[str, float]:
        """Send the requests of one round and return the figures."""
        service = self._service
        self._swarm.call(Expect([SENT_LISTING]))
        before = service.watched.read()
        reply = self._load(row, number)
        loaded: Loaded = reply.result
        missing = self._missing(row.brings, int(len(loaded.latencies_s) // row.bringing))
        service.settle()
        cpu = service.spent(before)
        done = loaded.statuses.total()
        wall_s = loaded.ended_s - loaded.began_s
        latencies_ms = [s * 1e3 for s in loaded.latencies_s]
        return {
            "operations": done,
            "per_s": done / wall_s,
            "p50_ms": percentile(latencies_ms, 50),
            "p99_ms": percentile(latencies_ms, 99),
            **_each(cpu, done),
            "clients_us": reply.cpu_s / done * 1e6,
            "clients_percent": reply.cpu_s / wall_s * 100,
            "failed": loaded.failures,
            "lost": missing,
        }

    def measure_held(self, row: Row, number: int, relay: Peer) -> dict[str, float]:
        """Send the requests of one round, and return what they cost up to the last answer.

        What they lead to begins with a command that `relay` keeps from the store meanwhile. A relay
        takes time of its own, so there are no rates.
        """
        assert row.up_to is not None
        relay.call(Hold(row.up_to))
        try:
            before = self._service.watched.read()
            loaded: Loaded = self._load(row, number).result
            cpu = self._service.spent(before)
        finally:
            relay.call(LetGo())
        self._service.settle()
        done = loaded.statuses.total()
        return {"operations": done, **_each(cpu, done), "failed": loaded.failures}

    def _load(self, row: Row, number: int) -> Reply:
        reply = self._http.call(
            Load(
                host=self._service.settings.host,
                port=self._service.port,
                connections=1 if row.is_one_at_a_time else self._connections,
                requests=row.requests(number),
                expected_status=row.expected_status,
                deadline_s=self._deadline_s,
            )
        )
        if reply.result.unexpected:
            print(f"{row.name}: {reply.result.unexpected}", file=sys.stderr)
        return reply

    def _missing(self, brings: Frames, expected: int) -> int:
        """Wait for the frames that `expected` requests bring; return how many did not come."""
        if brings is Frames.NONE:
            return 0
        ends_s = time.monotonic() + FRAMES_WITHIN_S
        while True:
            seen: Seen = self._swarm.call(Report()).result
            came = seen.reads if brings is Frames.READ else seen.frames
            if came >= expected or time.monotonic() > ends_s:
                return expected - came
            time.sleep(POLL_S)


def _each(cpu: Mapping[str, float], operations: int) -> dict[str, float]:
    """Return what each process used for one of `operations`."""
    return {f"{name}_us": used_s / operations * 1e6 for name, used_s in cpu.items()}
