"""Measure one listing to many sockets: who got it, when, and what it cost the server.

Two phases, each repeated `--rounds` times against one fresh server process: all sockets connect
and authenticate; then, with all of them connected, a listing is posted. The seeding is done through
the API by another server process, so that memory is measured from a fresh one.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.direct_seeding import follow_directly
from bench.fanout_rounds import MUST_BE_ZERO, FanoutRounds
from bench.http_load import HttpLoad
from bench.options import add_common, add_limits, limits, progress, whole
from bench.peers import Peer
from bench.population import Population
from bench.profiler import profiled
from bench.program import run
from bench.report import machine, medians, print_machine, print_table, shown, write_json
from bench.service import RunningService
from bench.swarm import Swarm

WARM_UP_SOCKETS = 20
MOST_FOLLOWERS = 20_000
"""About what one address has in ports towards one server."""

CONNECT = (
    ("connected to authenticated, per second", "per_s", "wall"),
    ("connect to authenticated, p50 ms", "p50_ms", "clients"),
    ("connect to authenticated, p99 ms", "p99_ms", "clients"),
    ("CPU a connect, us", "server_us", "server"),
    ("CPU a connect, us", "store_us", "store"),
    ("CPU a connect, us", "clients_us", "clients"),
    ("memory a connection, KiB", "rss_kib", "server"),
)
FAN_OUT = (
    ("post to first frame, ms", "first_ms", "clients"),
    ("post to median frame, ms", "p50_ms", "clients"),
    ("post to last frame, ms", "last_ms", "clients"),
    ("messages a second, post to last frame", "per_s", "wall"),
    ("sockets without the frame", "lost", "clients"),
    ("frames repeated", "repeated", "clients"),
    ("connections lost", "connections_lost", "clients"),
    ("CPU a message, us", "server_us", "server"),
    ("of it in the kernel, %", "server_kernel_percent", "server"),
    ("CPU a message, us", "store_us", "store"),
    ("CPU a message, us", "redis_us", "redis"),
    ("CPU a message, us", "clients_us", "clients"),
)


def main() -> int:
    """Measure, print, and return 1 when a socket missed its frame or got it twice."""
    options = _parser().parse_args()
    return run(_measure, options, limits(options))


def _measure(service: RunningService, options: argparse.Namespace) -> int:
    about = machine(service)
    with ExitStack() as stack:
        http = stack.enter_context(closing(Peer(HttpLoad)))
        swarms = [
            stack.enter_context(closing(Peer(Swarm))) for _ in range(options.client_processes)
        ]
        population = Population(service, http)
        progress(f"registering {options.followers:,} users, who follow")
        people = population.people(options.followers)
        warm = population.people(WARM_UP_SOCKETS)
        business_id, other_id = population.businesses(2)
        population.follow(warm, other_id)
        if options.seed_directly:
            seeding_s = follow_directly(service.settings, people, business_id)
        else:
            seeding_s = population.follow(people, business_id)
        service.start_server()
        _warm_up(FanoutRounds(service, population, swarms, warm), other_id)
        service.rest()

        rounds = FanoutRounds(service, population, swarms, people)
        connects: list[dict[str, float]] = []
        fan_outs: list[dict[str, float]] = []
        with profiled(service.server_pid, options.profile, "connect"):
            for number in range(options.rounds):
                if number:
                    rounds.disconnect()
                progress(f"connecting, round {number + 1}")
                connects.append(rounds.connect_round())
        with profiled(service.server_pid, options.profile, "fanout"):
            for number in range(options.rounds):
                progress(f"posting a listing, round {number + 1}")
                fan_outs.append(rounds.fan_out_round(business_id))

    # Later rounds find memory that the first has taken.
    connect = {**medians(connects), "rss_kib": connects[0]["rss_kib"]}
    fan_out = medians(fan_outs)
    _print(about, options, (connect, fan_out), seeding_s, service.complaints())
    write_json(
        options.json,
        {
            "bench": "fanout",
            "machine": about,
            "options": {"followers": options.followers, "rounds": options.rounds},
            "medians": {"connect": connect, "fan_out": fan_out},
            "connect_rounds": connects,
            "fan_out_rounds": fan_outs,
            "server_log": service.complaints(),
        },
    )
    return int(any(each[name] for each in fan_outs for name in MUST_BE_ZERO))


def _warm_up(rounds: FanoutRounds, business_id: UUID) -> None:
    """Have the server do everything once, with few sockets, before its memory is read."""
    rounds.connect_round()
    rounds.fan_out_round(business_id)
    rounds.disconnect()


def _print(
    about: dict[str, Any],
    options: argparse.Namespace,
    middles: tuple[dict[str, float], dict[str, float]],
    seeding_s: float,
    complaints: list[str],
) -> None:
    print_machine(about)
    print(
        f"One listing to {options.followers:,} sockets, medians of {options.rounds} rounds; "
        f"{options.followers / seeding_s:,.0f} follows a second while seeding"
    )
    print_table(
        ("figure", "median", "process"),
        [
            (label, shown(middle[name]), of)
            for figures, middle in zip((CONNECT, FAN_OUT), middles, strict=True)
            for label, name, of in figures
            if name in middle
        ],
    )
    for line in complaints:
        print(f"server: {line}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/fanout.py", description=__doc__)
    parser.add_argument(
        "--followers",
        type=whole(1, MOST_FOLLOWERS),
        default=1_000,
        help="sockets, each of a follower of its own (1000)",
    )
    parser.add_argument(
        "--client-processes", type=whole(1, 8), default=1, help="that hold the sockets (1)"
    )
    parser.add_argument(
        "--seed-directly",
        action="store_true",
        help="write the follows into the store, not through the API: for more than about 1,000",
    )
    add_common(parser)
    add_limits(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
