"""Measure one server process and several over the same load, and compare what came of it.

Each number of `--processes` has a service of its own, and they get each row by turns. What is left
in the store has to be the same in the end: how many notifications each person has, how many of them
unread, and that every event was carried out.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.comparison import print_comparison
from bench.options import add_limits, limits, prepare, whole
from bench.peers import PeerFailed
from bench.ports import free_ports
from bench.report import machine, print_machine, write_json
from bench.rest_world import CONNECTIONS
from bench.service import RunningService, ServiceFailed, running_service
from bench.sheet import Sheet
from bench.table_parts import measure_fanout, measure_rest

PARTS = (
    (
        measure_rest,
        ("unread-count", "list", "mark-read", "follow", "event", "direct-send", "mixed"),
    ),
    (measure_fanout, ("connect", "fanout", "steady")),
)
ROWS = tuple(name for _, names in PARTS for name in names)

PEOPLE = 256
"""Of 16 whom a balancer parts by their ids, eleven come to one of two processes now and then."""

Results = Mapping[str, Any]


def main() -> int:
    """Measure, print, and return 1 when something was lost, or the results are not the same."""
    options = _parser().parse_args()
    sheets = {
        count: Sheet(options.only, rounds=options.rounds, has_counts=False)
        for count in options.processes
    }
    results: dict[int, list[Results]] = {count: [] for count in sheets}
    about: dict[str, Any] = {}
    try:
        prepare()
        for _ in range(options.turns):
            about = _measure(sheets, results, options)
    except (ServiceFailed, PeerFailed) as error:
        print(error, file=sys.stderr)
        return 2
    middles = {count: sheet.medians() for count, sheet in sheets.items()}
    print_machine(about)
    first, *others = options.processes
    for count in others:
        print_comparison(middles[first], middles[count], names=(str(first), str(count)))
    is_same = all(each == results[first] for each in results.values())
    print(f"what is in the store in the end is {'the same' if is_same else 'NOT the same'}")
    for line in (line for sheet in sheets.values() for line in sheet.complaints):
        print(f"server: {line}", file=sys.stderr)
    write_json(
        options.json,
        {
            "bench": "processes",
            "machine": about,
            "options": {
                "turns": options.turns,
                "rounds": options.rounds,
                "operations": options.operations,
                "balancer": options.balancer,
                "connections": options.connections,
                "people": options.people,
            },
            "medians": {str(count): each for count, each in middles.items()},
            "rounds": {count: sheet.figures for count, sheet in sheets.items()},
            "is_same": is_same,
        },
    )
    return int(not is_same or any(sheet.faults for sheet in sheets.values()))


def _measure(
    sheets: Mapping[int, Sheet], results: Mapping[int, list[Results]], options: argparse.Namespace
) -> dict[str, Any]:
    """Measure all rows once more, each with all numbers of processes; return on what."""
    about: dict[str, Any] = {}
    for measure, names in PARTS:
        with ExitStack() as stack:
            services = {
                count: stack.enter_context(_service(count, options))
                for count, sheet in sheets.items()
                if sheet.wants(*names)
            }
            # Clients end before what they ask, also when something fails.
            measuring = [
                stack.enter_context(closing(measure(service, sheets[count], options)))
                for count, service in services.items()
            ]
            # Row by row: the hours of a machine differ more than what is compared.
            for _ in zip(*measuring, strict=True):
                pass
            for count, service in services.items():
                about = machine(service)
                results[count].append(_results(service))
                sheets[count].complaints += service.complaints()
    return about


def _service(count: int, options: argparse.Namespace) -> AbstractContextManager[RunningService]:
    store = {"SNB_MONGODB_URI": options.store_uri} if options.store_uri else {}
    processes = {"SNB_PROCESSES": str(count)}
    if options.balancer:
        processes["SNB_PROCESS_PORT"] = str(free_ports(count))
    variables = {**limits(options), **store, **processes}
    return running_service(variables, is_balanced=options.balancer)


def _results(service: RunningService) -> Results:
    """Return what is in the store, without the ids, which are new every time."""
    with service.database() as database:
        told: Counter[Any] = Counter()
        unread: Counter[Any] = Counter()
        fields = {"recipient_id": 1, "in_app": 1, "is_read": 1}
        for row in database["notifications"].find({}, fields):
            if row["in_app"]:
                told[row["recipient_id"]] += 1
                unread[row["recipient_id"]] += not row["is_read"]
        return {
            "people by notifications and unread": Counter(
                (count, unread[person]) for person, count in told.items()
            ),
            "follows": database["follows"].count_documents({"is_active": True}),
            "events": Counter(row["type"] for row in database["events"].find({}, {"type": 1})),
            "events pending": database["events"].count_documents({"pending_owner": {"$gte": ""}}),
        }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/processes.py", description=__doc__)
    parser.add_argument(
        "--processes",
        nargs="+",
        type=whole(1, 16),
        default=(1, 2),
        metavar="N",
        help="numbers of SNB_PROCESSES, the first of which the others are compared with (1 2)",
    )
    parser.add_argument(
        "--only", nargs="+", choices=ROWS, default=ROWS, metavar="ROW", help=", ".join(ROWS)
    )
    for name, low, high, default, words in (
        ("turns", 1, 10, 2, "of each number"),
        ("rounds", 1, 50, 2, "of each row in a turn"),
        ("operations", 16, 5_000, 320, "requests of a row of the REST API, a round"),
        ("connections", 1, 256, CONNECTIONS, "which these come over, one after the other on each"),
        ("people", 1, 1_000, PEOPLE, "whose requests these are, by turns, each with a socket"),
        ("sockets", 100, 10_000, 1_000, "connected, each of a follower of its own"),
    ):
        parser.add_argument(
            f"--{name}", type=whole(low, high), default=default, help=f"{words} ({default})"
        )
    parser.add_argument(
        "--balancer",
        action="store_true",
        help="have clients come by HAProxy, which brings each user to one process",
    )
    parser.add_argument("--store-uri", metavar="URI", help="measure on this store")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    add_limits(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
