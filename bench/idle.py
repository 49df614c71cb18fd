"""Measure many sockets on which nothing happens: what pings and the collector cost, and growth.

The clients are processes of their own and answer pings as browsers do.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack, closing
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.account import cpu_s, rss_bytes
from bench.http_load import HttpLoad
from bench.metrics import longest, read_metrics
from bench.options import add_limits, limits, progress, whole
from bench.peers import Peer
from bench.population import Population
from bench.program import run
from bench.report import machine, print_machine, print_table, shown, write_json
from bench.service import RunningService
from bench.swarm import Connect, Report, Swarm

AT_ONCE = 50
INTERVAL_S = 10.0


def main() -> int:
    """Measure, print, and return 1 when a connection was lost."""
    options = _parser().parse_args()
    return run(_measure, options, limits(options))


def _measure(service: RunningService, options: argparse.Namespace) -> int:
    about = machine(service)
    with ExitStack() as stack:
        http = stack.enter_context(closing(Peer(HttpLoad)))
        swarms = [
            stack.enter_context(closing(Peer(Swarm))) for _ in range(options.client_processes)
        ]
        progress(f"registering {options.sockets:,} users, and connecting them")
        people = Population(service, http).people(options.sockets)
        service.start_server()
        fresh_rss = rss_bytes(service.server_pid)
        for number, swarm in enumerate(swarms):
            swarm.ask(
                Connect(
                    host=service.settings.host,
                    port=service.settings.port,
                    tokens=[person.token for person in people[number :: len(swarms)]],
                    at_once=AT_ONCE,
                )
            )
        for swarm in swarms:
            swarm.reply()
        service.settle()
        progress(f"waiting for {options.seconds} s")
        figures = _wait(service, options.seconds)
        lost = sum(swarm.call(Report()).result.connections_lost for swarm in swarms)
    figures["lost"] = lost
    figures["rss_kib_a_connection"] = (figures["rss_mib"] * 2**20 - fresh_rss) / 1024
    figures["rss_kib_a_connection"] /= options.sockets
    print_machine(about)
    print(f"{options.sockets:,} sockets, idle for {options.seconds} s, pings on")
    print_table(
        ("figure", "value"),
        [
            ("CPU of the server, cores", shown(figures["cores"])),
            (f"of it the busiest {INTERVAL_S:.0f} s", shown(figures["most_cores"])),
            ("memory a connection, KiB", shown(figures["rss_kib_a_connection"])),
            ("memory at the start, MiB", shown(figures["rss_mib"])),
            ("memory at the end, MiB", shown(figures["rss_end_mib"])),
            ("collections; their time in all, ms", _collections(figures)),
            ("longest of them up to, ms", shown(figures["longest_pause_ms"])),
            ("loop late by up to, ms", shown(figures["longest_lag_ms"])),
            ("connections lost", shown(lost)),
        ],
    )
    for line in service.complaints():
        print(f"server: {line}", file=sys.stderr)
    given = {"sockets": options.sockets, "seconds": options.seconds}
    write_json(
        options.json, {"bench": "idle", "machine": about, "options": given, "figures": figures}
    )
    return int(lost > 0)


def _wait(service: RunningService, seconds: int) -> dict[str, float]:
    """Let time pass, and return what the server did with it."""
    pid = service.server_pid
    before, rss = read_metrics(service.settings), rss_bytes(pid)
    began_s, used_s = time.monotonic(), [cpu_s(pid)]
    while (left_s := began_s + seconds - time.monotonic()) > 0:
        time.sleep(min(INTERVAL_S, left_s))
        used_s.append(cpu_s(pid))
    wall_s = time.monotonic() - began_s
    after = read_metrics(service.settings)
    steps_s = [later - earlier for earlier, later in pairwise(used_s)]
    pause, lag = "snb_gc_pause_seconds", "snb_loop_lag_seconds"
    return {
        "cores": (used_s[-1] - used_s[0]) / wall_s,
        "most_cores": max(steps_s) / min(INTERVAL_S, seconds),
        "rss_mib": rss / 2**20,
        "rss_end_mib": rss_bytes(pid) / 2**20,
        "collections": after[f"{pause}_count"] - before[f"{pause}_count"],
        "pauses_ms": (after[f"{pause}_sum"] - before[f"{pause}_sum"]) * 1e3,
        "longest_pause_ms": longest(before, after, pause) * 1e3,
        "longest_lag_ms": longest(before, after, lag) * 1e3,
    }


def _collections(figures: dict[str, float]) -> str:
    return f"{figures['collections']:.0f}; {shown(figures['pauses_ms'])}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/idle.py", description=__doc__)
    parser.add_argument("--sockets", type=whole(1, 20_000), default=1_000, help="(1000)")
    parser.add_argument("--seconds", type=whole(5, 3_600), default=60, help="(60)")
    parser.add_argument(
        "--client-processes", type=whole(1, 8), default=1, help="that hold the sockets (1)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    add_limits(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
