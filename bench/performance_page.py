"""Write the measured tables of docs/performance.md anew from what `bench/table.py --json` kept.

    <!-- measured: table -->  ...  <!-- end -->     each goal and each row, on both stores
    <!-- measured: sizing -->  ...  <!-- end -->    what bench/sizing.py makes of it
    <!-- measured: balanced -->  ...  <!-- end -->  one server process and two, behind a balancer
    <!-- measured: crowded -->  ...  <!-- end -->   the same with more requests under way
    <!-- measured: processes -->  ...  <!-- end --> the same where the kernel spreads connections
    <!-- measured: bus -->  ...  <!-- end -->       what processes read of one another

A test holds the page to the files, so that nobody has to copy a figure.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.bus import BUS_COLUMNS
from bench.comparison import compared, read_table
from bench.goals import FAULTS, GOALS, ROWS, WATCHED, Goal
from bench.report import shown
from bench.sizing import (
    BUS_FIGURES,
    FASTER_FIGURES,
    FIGURES,
    crossing,
    sizing_rows,
    wall_rows,
)

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
PROCESSES_FIGURES = Path(__file__).with_name("figures-processes.json")
BALANCED_FIGURES = Path(__file__).with_name("figures-balanced.json")
CROWDED_FIGURES = Path(__file__).with_name("figures-crowded.json")
BLOCK = re.compile(r"(<!-- measured: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

COSTS = (
    ("server us", "server_us"),
    ("store us", "store_us"),
    ("Redis us", "redis_us"),
    ("worker us", "worker_us"),
    ("round trips", "trips"),
    ("a second", "per_s"),
    ("p99 ms", "p99_ms"),
    ("clients %", "clients_percent"),
)

Table = Mapping[str, Any]


def main() -> int:
    """Write the page."""
    PAGE.write_text(measured(PAGE.read_text("utf-8")), "utf-8")
    return 0


def measured(page: str) -> str:
    """Return `page` with what is between its marks as the files have it."""
    embedded, faster = read_table(FIGURES), read_table(FASTER_FIGURES)
    bus = read_table(BUS_FIGURES)
    blocks = {
        "table": [*_goals(embedded, faster), "", *_costs(embedded, faster)],
        "sizing": _sizing(faster, bus),
        "balanced": _processes(read_table(BALANCED_FIGURES)),
        "crowded": _processes(read_table(CROWDED_FIGURES)),
        "processes": _processes(read_table(PROCESSES_FIGURES)),
        "bus": _bus(bus),
    }
    lines = {name: "\n".join(each) for name, each in blocks.items()}
    return BLOCK.sub(lambda found: f"{found[1]}{lines[found[2]]}\n{found[3]}", page)


def _goals(embedded: Table, faster: Table) -> Iterator[str]:
    yield f"On the embedded store: {_about(embedded)}"
    yield f"On the faster store: {_about(faster)}"
    rows = []
    for goal in GOALS:
        both = [goal.measured(table["medians"]) for table in (embedded, faster)]
        if any(each is not None for each in both):
            bound = "at most" if goal.at_least is None else "at least"
            wanted = f"{bound} {goal.wanted:,.0f}"
            rows.append((goal.label, wanted, *(_judged(goal, each) for each in both)))
    rows.append((FAULTS, "at most 0", str(embedded["faults"]), str(faster["faults"])))
    for label, row, figure in WATCHED:
        both = [table["medians"].get(row, {}).get(figure) for table in (embedded, faster)]
        if any(each is not None for each in both):
            rows.append((label, "-", *map(shown, both)))
    yield from _markdown(("figure", "goal", "embedded store", "faster store"), rows)


def _costs(*tables: Table) -> Iterator[str]:
    rows = []
    for name, label in ROWS.items():
        for store, table in zip(("embedded", "faster"), tables, strict=True):
            figures = table["medians"].get(name)
            if figures is not None:
                cells = (shown(figures.get(figure)) for _, figure in COSTS)
                rows.append((label, store, *cells))
    yield from _markdown(("operation", "store", *(heading for heading, _ in COSTS)), rows)


def _sizing(faster: Table, bus: Table) -> Iterator[str]:
    yield from _markdown(*sizing_rows(faster["medians"], crossing(bus["rows"])))
    yield ""
    yield from _markdown(*wall_rows(faster["medians"]))


def _processes(table: Table) -> Iterator[str]:
    (first, before), (second, after) = table["medians"].items()
    options = table["options"]
    yield (
        f"{_where(table)}, {options['turns']} turns of {options['rounds']} rounds of"
        f" {options['operations']:,} requests of {options['people']} people over"
        f" {options['connections']} connections; what was in the store in the end was"
        f" {'the same' if table['is_same'] else 'NOT the same'}.\n"
    )
    yield from _markdown(("figure", first, second, "ratio"), compared(before, after))


def _bus(table: Table) -> Iterator[str]:
    yield f"{_where(table)}, {table['sockets']} sockets:\n"
    yield from _markdown(
        [label for label, _ in BUS_COLUMNS],
        [[shown(row[name]) for _, name in BUS_COLUMNS] for row in table["rows"]],
    )


def _judged(goal: Goal, measured_: float | None) -> str:
    """Return the figure, in bold where the goal is reached."""
    if measured_ is None:
        return "-"
    return f"**{shown(measured_)}**" if goal.is_met(measured_) else shown(measured_)


def _where(table: Table) -> str:
    about = table["machine"]
    return (
        f"{about['measured_at'][:10]}, {about['cores']} cores, load {about['load_average_1m']}"
        f" before, {about['store']}"
    )


def _about(table: Table) -> str:
    options = table["options"]
    at_rest = ", ".join(f"{name} {part * 1e3:.1f}" for name, part in table["at_rest"].items())
    return (
        f"{_where(table)}, medians of the rounds ({options['rounds']}) of {options['operations']}"
        f" requests, limits and caps {'counted' if options['limits'] else 'off'}; at rest, ms a"
        f" second: {at_rest}.\n"
    )


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield "|" + "---|" * len(header)
    for row in rows:
        yield f"| {' | '.join(row)} |"


if __name__ == "__main__":
    sys.exit(main())
