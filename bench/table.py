"""Measure everything that there is a goal for, and print each goal beside what was measured.

What the other programs of bench/ measure by themselves is measured here by the same rounds: each
row `--rounds` times, and its figures are the medians. CPU is what the kernel accounts to a process
until the service is at rest again, less what that process uses at rest. How often the store was
asked is counted in a round more, with a relay before the store, and that round is not timed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.comparison import print_comparison, read_table
from bench.goals import FAULTS, GOALS, ROWS, WATCHED
from bench.options import add_limits, prepare, progress, whole
from bench.peers import PeerFailed
from bench.profiler import ProfilerMissing, check_profiler
from bench.report import machine, print_machine, print_table, shown, write_json
from bench.rest_world import CONNECTIONS
from bench.service import ServiceFailed, running_service
from bench.sheet import Sheet
from bench.table_parts import PARTS

MOST_SOCKETS = 20_000
"""About what one address has in ports towards one server."""

COLUMNS = (
    ("a second", "per_s"),
    ("p50 ms", "p50_ms"),
    ("p99 ms", "p99_ms"),
    ("server us", "server_us"),
    ("store us", "store_us"),
    ("redis us", "redis_us"),
    ("worker us", "worker_us"),
    ("clients us", "clients_us"),
    ("clients %", "clients_percent"),
    ("round trips", "trips"),
    ("failed", "failed"),
    ("lost", "lost"),
    ("repeated", "repeated"),
)

Middles = Mapping[str, Mapping[str, float]]


def main() -> int:
    """Measure and print; return 1 when something was lost or came twice, 2 when a row is missing.

    A part that could not be measured takes none of the others with it.
    """
    options = _parser().parse_args()
    # Nobody unfollows who did not follow in the same run.
    wanted = {*options.only, *(("follow",) if "unfollow" in options.only else ())}
    sheet = Sheet(wanted, rounds=options.rounds, profile_dir=options.profile)
    before = read_table(options.compare) if options.compare else None
    try:
        check_profiler(options.profile)
        if options.profile is not None:
            options.profile.mkdir(parents=True, exist_ok=True)
        prepare()
        about = _measure(sheet, options)
    except (ProfilerMissing, ServiceFailed, PeerFailed) as error:
        print(error, file=sys.stderr)
        return 2
    middles = sheet.medians()
    _print(about, options, middles, sheet)
    if before is not None:
        print()
        print_comparison(before["medians"], middles, names=("before", "now"))
    for line in sheet.complaints:
        print(f"log: {line}", file=sys.stderr)
    write_json(
        options.json,
        {
            "bench": "table",
            "machine": about,
            "options": {
                name: value
                for name, value in vars(options).items()
                if name not in ("json", "profile", "compare", "store_uri")
            },
            "medians": middles,
            "asked": sheet.asked,
            "at_rest": sheet.at_rest,
            "faults": sheet.faults,
            "rounds": sheet.figures,
            "log": sheet.complaints,
        },
    )
    if any(name not in middles for name in wanted):
        return 2
    return int(sheet.faults > 0)


def _measure(sheet: Sheet, options: argparse.Namespace) -> dict[str, Any]:
    """Fill `sheet`, each part over a service of its own; return on what it was measured."""
    about: dict[str, Any] = {}
    began_s = time.monotonic()
    for part in PARTS:
        if not sheet.wants(*part.names):
            continue
        with running_service({**part.variables(options), **_given(options)}) as service:
            about = about or machine(service)
            try:
                for _ in part.measure(service, sheet, options):
                    pass
            except (ServiceFailed, PeerFailed) as error:
                sheet.complaints.append(f"not measured further: {part.names}: {error}")
            sheet.complaints += service.complaints()
            sheet.at_rest = service.at_rest | sheet.at_rest
    progress(f"measured in {time.monotonic() - began_s:.0f} s")
    return about


def _given(options: argparse.Namespace) -> dict[str, str]:
    """Return the settings that options name."""
    store = {"SNB_MONGODB_URI": options.store_uri} if options.store_uri else {}
    return {"SNB_PROCESSES": str(options.processes), **store}


def _print(
    about: dict[str, Any], options: argparse.Namespace, middles: Middles, sheet: Sheet
) -> None:
    print_machine(about)
    print(
        f"Medians of {options.rounds} rounds, limits and caps"
        f" {'counted' if options.limits else 'off'}, caps of deliveries counted; CPU for one"
        " operation, by process; clients % is what the busiest client used of a core"
    )
    print(
        "Not in it is what each uses at rest, in ms a second: "
        + ", ".join(f"{name} {part * 1e3:.1f}" for name, part in sheet.at_rest.items())
    )
    names = [name for name in ROWS if name in middles]
    columns = [each for each in COLUMNS if any(each[1] in middles[name] for name in names)]
    print_table(
        ("operation", *(label for label, _ in columns)),
        [
            (ROWS[name], *(shown(middles[name].get(figure)) for _, figure in columns))
            for name in names
        ],
    )
    print()
    lines = []
    for goal in GOALS:
        measured = goal.measured(middles)
        if measured is not None:
            bound = "at most" if goal.at_least is None else "at least"
            verdict = "met" if goal.is_met(measured) else "missed"
            lines.append((goal.label, shown(measured), f"{bound} {goal.wanted:,.0f}", verdict))
    for label, row, figure in WATCHED:
        if row in middles:
            lines.append((label, shown(middles[row][figure]), "-", "-"))
    verdict = "missed" if sheet.faults else "met"
    lines.append((FAULTS, str(sheet.faults), "at most 0", verdict))
    print_table(("figure", "measured", "goal", ""), lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/table.py", description=__doc__)
    parser.add_argument(
        "--only",
        nargs="+",
        choices=tuple(ROWS),
        default=tuple(ROWS),
        metavar="ROW",
        help=", ".join(ROWS),
    )
    for name, low, high, default, words in (
        ("rounds", 1, 50, 5, "figures are their medians"),
        ("operations", 16, 5_000, 320, "requests of a row of the REST API, a round"),
        ("connections", 1, 256, CONNECTIONS, "which these come over, one after the other on each"),
        ("people", 1, 1_000, CONNECTIONS, "whose requests these are, by turns, each with a socket"),
        ("sockets", 100, MOST_SOCKETS, 1_000, "connected, each of a follower of its own"),
        ("large", 100, MOST_SOCKETS, 10_000, "connected for the large fan-out"),
        ("pushes", 10, 20_000, 2_000, "of a backlog, a round"),
        ("emails", 10, 5_000, 200, "of a backlog, a round"),
        ("processes", 1, 16, 1, "that serve, on one port (SNB_PROCESSES)"),
    ):
        parser.add_argument(
            f"--{name}", type=whole(low, high), default=default, help=f"{words} ({default})"
        )
    parser.add_argument(
        "--store-uri", metavar="URI", help="measure on this store (SNB_MONGODB_URI)"
    )
    parser.add_argument(
        "--profile",
        type=Path,
        metavar="DIR",
        help="write a flame graph of the server, or the worker, for each row there",
    )
    parser.add_argument(
        "--compare", type=Path, metavar="FILE", help="print what an earlier --json has beside it"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    add_limits(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
