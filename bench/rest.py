"""Measure the REST API: requests a second, latency, and CPU of the server for one operation.

Each row sends `--operations` requests over 16 keep-alive connections, each with one request under
way, and is repeated `--rounds` times. CPU is taken when the server has come to rest again, so that
an event's cost has its being carried out in it.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.account import spent
from bench.http_load import HttpLoad, Load, Loaded
from bench.options import add_common, add_limits, limits, prepare, progress, whole
from bench.peers import Peer, PeerFailed
from bench.population import Population
from bench.profiler import ProfilerMissing, check_profiler, profiled
from bench.report import (
    machine,
    medians,
    percentile,
    print_machine,
    print_table,
    shown,
    write_json,
)
from bench.rest_rows import CONNECTIONS, Row, populate, rows
from bench.service import RunningService, ServiceFailed, running_service
from bench.swarm import Connect, Expect, Report, Swarm

NAMES = (
    "unread-count",
    "unread-count-absent",
    "list",
    "mark-read",
    "follow",
    "event",
    "event-user",
)
READS_WITHIN_S = 5.0
POLL_S = 0.02
COLUMNS = (
    ("requests/s", "requests_per_s"),
    ("p50 ms", "p50_ms"),
    ("p99 ms", "p99_ms"),
    ("server us", "server_us"),
    ("store us", "store_us"),
    ("redis us", "redis_us"),
    ("client us", "client_us"),
    ("client %", "client_percent"),
    ("failed", "failed"),
    ("no event", "events_missing"),
)


class RestRounds:
    """Measures rows over a service that is up and populated."""

    def __init__(self, service: RunningService, http: Peer, swarm: Peer, deadline_s: float) -> None:
        self._service = service
        self._http = http
        self._swarm = swarm
        self._deadline_s = deadline_s

    def measure(self, row: Row, number: int) -> dict[str, float]:
        """Send the requests of one round and return the figures."""
        service = self._service
        self._swarm.call(Expect("mark-read"))
        before = service.watched.cpu()
        reply = self._http.call(
            Load(
                host=service.settings.host,
                port=service.settings.port,
                connections=CONNECTIONS,
                requests=row.requests(number),
                expected_status=row.expected_status,
                deadline_s=self._deadline_s,
            )
        )
        loaded: Loaded = reply.result
        missing = self._events_missing(len(loaded.latencies_s)) if row.reads_expected else 0
        service.settle()
        cpu = spent(before, service.watched.cpu())
        if loaded.unexpected:
            print(f"{row.name}: {loaded.unexpected}", file=sys.stderr)
        done = loaded.statuses.total()
        wall_s = loaded.ended_s - loaded.began_s
        latencies_ms = [s * 1e3 for s in loaded.latencies_s]
        return {
            "operations": done,
            "requests_per_s": done / wall_s,
            "p50_ms": percentile(latencies_ms, 50),
            "p99_ms": percentile(latencies_ms, 99),
            **{f"{name}_us": used / done * 1e6 for name, used in cpu.items()},
            "client_us": reply.cpu_s / done * 1e6,
            "client_percent": reply.cpu_s / wall_s * 100,
            "failed": loaded.failures,
            "events_missing": missing,
        }

    def _events_missing(self, expected: int) -> int:
        """Wait for as many `notification.read` as were marked; return how many did not come."""
        ends_s = time.monotonic() + READS_WITHIN_S
        while True:
            reads: int = self._swarm.call(Report()).result.reads
            if reads >= expected or time.monotonic() > ends_s:
                return expected - reads
            time.sleep(POLL_S)


def main() -> int:
    """Measure, print, and return 1 when a request failed or an event did not come."""
    options = _parser().parse_args()
    try:
        check_profiler(options.profile)
        prepare()
        with running_service(limits(options)) as service:
            return _measure(service, options)
    except (ProfilerMissing, ServiceFailed, PeerFailed) as error:
        print(error, file=sys.stderr)
        return 2


def _measure(service: RunningService, options: argparse.Namespace) -> int:
    about = machine(service)
    results: dict[str, list[dict[str, float]]] = {}
    with ExitStack() as stack:
        http = stack.enter_context(closing(Peer(HttpLoad)))
        swarm = stack.enter_context(closing(Peer(Swarm)))
        progress("making users, follows and notifications")
        world = populate(
            Population(service, http), operations=options.operations, rounds=options.rounds
        )
        wanted = [row for row in rows(world) if row.name in options.rows]
        service.start_server()
        swarm.call(
            Connect(
                host=service.settings.host,
                port=service.settings.port,
                tokens=[person.token for person in world.connected],
                at_once=CONNECTIONS,
            )
        )
        service.settle()
        rounds = RestRounds(service, http, swarm, options.seconds)
        for row in wanted:
            progress(row.label)
            with profiled(service.server_pid, options.profile, row.name):
                results[row.name] = [
                    rounds.measure(row, number) for number in range(options.rounds)
                ]
    middles = {name: medians(each) for name, each in results.items()}
    print_machine(about)
    print(
        f"{options.operations} requests a round over {CONNECTIONS} connections, medians of "
        f"{options.rounds} rounds; CPU for one operation, in us, by process"
    )
    columns = [each for each in COLUMNS if each[1] in next(iter(middles.values()))]
    print_table(
        ("row", *(label for label, _ in columns)),
        [(row.label, *(shown(middles[row.name][name]) for _, name in columns)) for row in wanted],
    )
    for line in service.complaints():
        print(f"server: {line}", file=sys.stderr)
    write_json(
        options.json,
        {
            "bench": "rest",
            "machine": about,
            "options": {"operations": options.operations, "rounds": options.rounds},
            "medians": middles,
            "rounds": results,
            "server_log": service.complaints(),
        },
    )
    every = [each for rounds_ in results.values() for each in rounds_]
    return int(any(each["failed"] or each["events_missing"] for each in every))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/rest.py", description=__doc__)
    parser.add_argument(
        "--operations", type=whole(16, 5_000), default=320, help="requests a row and round (320)"
    )
    parser.add_argument(
        "--seconds",
        type=whole(1, 120),
        default=20,
        help="a round begins no request after that long (20)",
    )
    parser.add_argument(
        "--rows", nargs="+", choices=NAMES, default=NAMES, metavar="ROW", help=", ".join(NAMES)
    )
    add_common(parser)
    add_limits(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
