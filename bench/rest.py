"""Measure the REST API: requests a second, latency, and CPU of the server for one operation.

Each row sends `--operations` requests over 16 keep-alive connections, each with one request under
way, and is repeated `--rounds` times. CPU is taken when the server has come to rest again, so that
an event's cost has its being carried out in it. Of one that is accepted only, what carrying it out
asks the store for is held back by a relay until the last is answered.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.http_load import HttpLoad
from bench.options import add_common, add_limits, limits, progress, whole
from bench.peers import Peer
from bench.population import Population
from bench.profiler import profiled
from bench.program import run
from bench.report import machine, medians, print_machine, print_table, shown, write_json
from bench.rest_rounds import MUST_BE_ZERO, RestRounds
from bench.rest_rows import NAMES, Row, rows
from bench.rest_world import CONNECTIONS, populate
from bench.service import RunningService
from bench.swarm import Swarm
from bench.wire_tally import tallied

COLUMNS = (
    ("requests/s", "per_s"),
    ("p50 ms", "p50_ms"),
    ("p99 ms", "p99_ms"),
    ("server us", "server_us"),
    ("store us", "store_us"),
    ("redis us", "redis_us"),
    ("clients us", "clients_us"),
    ("clients %", "clients_percent"),
    ("failed", "failed"),
    ("no frame", "lost"),
)


def main() -> int:
    """Measure, print, and return 1 when a request failed or an event did not come."""
    options = _parser().parse_args()
    return run(_measure, options, limits(options))


def _measure(service: RunningService, options: argparse.Namespace) -> int:
    about = machine(service)
    results: dict[str, list[dict[str, float]]] = {}
    with ExitStack() as stack:
        http = stack.enter_context(closing(Peer(HttpLoad)))
        swarm = stack.enter_context(closing(Peer(Swarm)))
        progress("making users, follows and notifications")
        world = populate(
            Population(service, http),
            operations=options.operations,
            rounds=options.rounds,
            people=options.connections,
        )
        wanted = [row for row in rows(world) if row.name in options.rows]
        service.start_server()
        rounds = RestRounds(service, http, swarm, options.seconds, options.connections)
        rounds.connect(world.connected)
        service.rest()

        def measure(row: Row, figures: Callable[[int], dict[str, float]]) -> None:
            progress(row.label)
            with profiled(service.server_pid, options.profile, row.name):
                results[row.name] = [figures(number) for number in range(options.rounds)]

        held = [row for row in wanted if row.up_to is not None]
        for row in wanted:
            if row not in held:
                measure(row, partial(rounds.measure, row))
        if held:
            relay, leading_there = stack.enter_context(tallied(str(service.settings.mongodb_uri)))
            service.start_server(leading_there)
            stack.callback(service.stop_server)
            rounds.connect(world.connected)
            for row in held:
                measure(row, partial(rounds.measure_held, row, relay=relay))
    middles = {name: medians(each) for name, each in results.items()}
    print_machine(about)
    print(
        f"{options.operations} requests a round over {options.connections} connections, medians of "
        f"{options.rounds} rounds; CPU for one operation, in us, by process"
    )
    columns = [each for each in COLUMNS if any(each[1] in every for every in middles.values())]
    print_table(
        ("row", *(label for label, _ in columns)),
        [
            (row.label, *(shown(middles[row.name].get(name)) for _, name in columns))
            for row in wanted
        ],
    )
    for line in service.complaints():
        print(f"server: {line}", file=sys.stderr)
    write_json(
        options.json,
        {
            "bench": "rest",
            "machine": about,
            "options": {
                "operations": options.operations,
                "connections": options.connections,
                "rounds": options.rounds,
            },
            "medians": middles,
            "rounds": results,
            "server_log": service.complaints(),
        },
    )
    every = [each for rounds_ in results.values() for each in rounds_]
    return int(any(each.get(name) for each in every for name in MUST_BE_ZERO))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/rest.py", description=__doc__)
    parser.add_argument(
        "--operations", type=whole(16, 5_000), default=320, help="requests a row and round (320)"
    )
    parser.add_argument(
        "--connections",
        type=whole(1, 256),
        default=CONNECTIONS,
        help=f"over which they come, one after the other on each ({CONNECTIONS})",
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
