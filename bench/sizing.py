"""Say how many processes, stores and machines a platform needs, from what was measured.

What an operation costs is read from a file that `bench/table.py --json` wrote; how many operations
there are is said here, for each notification, and can be said otherwise. Printed is what the peak
needs, once for the platform as it is and once for `--times` of it, and at how many times of it
something ends that more machines do not move.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.comparison import read_table
from bench.options import whole
from bench.report import print_machine, print_table, shown

FIGURES = Path(__file__).with_name("figures.json")
"""Of the last whole table on the embedded store."""

FASTER_FIGURES = Path(__file__).with_name("figures-faster-store.json")
"""The same on a store that a platform would rather have; sizes are made of it."""

BUS_FIGURES = Path(__file__).with_name("figures-bus.json")
"""What `bench/bus.py --json` wrote: with several processes, messages cross."""

DAY_S = 86_400
TIMES = 100
KEPT_DAYS = 180
"""How long a row is kept (contract section 6: six months)."""

BUSY = 0.6
"""The part of a core that is planned with; above it waiting grows faster than throughput."""

MACHINE_CORES = 8
MACHINE_GIB = 32
PROCESS_MIB = 90
"""A server process without sockets, or a worker."""

PER_NOTIFICATION = {
    "fanout": 0.95,
    "direct-send": 0.05,
    "event": 0.02,
    "unread-count": 0.2,
    "list-after-mark": 0.6,
    "mark-read": 0.1,
    "follow": 0.005,
    "connect": 0.5,
    "pushes": 0.5,
    "emails": 0.2,
}
"""Operations of a row for each notification: assumed, not measured.

Half of what is told is opened, by an app that connects for it and lists, which is no list that was
asked for before; a listing has fifty followers; one in two has a push, one in five a mail.
"""

PROCESSES = ("server", "worker", "store", "redis")
QUEUED = ("pushes", "emails")
"""Rows that go through the job queue, whose Redis is one (docs/decisions.md)."""

Middles = Mapping[str, Mapping[str, float]]

Crossing = Mapping[str, Mapping[str, float]]
"""Row -> kind of process -> what a message costs it more, in us, that may go anywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """How much there is of everything."""

    users: int
    sockets: int
    notifications_a_day: int
    peak_to_mean: float
    """The busiest second by the mean one."""

    def times(self, factor: int) -> Platform:
        """Return one that is so many times larger."""
        return Platform(
            users=self.users * factor,
            sockets=self.sockets * factor,
            notifications_a_day=self.notifications_a_day * factor,
            peak_to_mean=self.peak_to_mean,
        )

    @property
    def peak_per_s(self) -> float:
        """Notifications in the busiest second."""
        return self.notifications_a_day / DAY_S * self.peak_to_mean


TODAY = Platform(
    users=100_000,
    sockets=10_000,
    notifications_a_day=1_000_000,
    # Shops close at about the same hour, and list what is left then.
    peak_to_mean=10.0,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What a platform needs at its peak."""

    cores: Mapping[str, float]
    """What is used of a core, by kind of process; the queue's part of Redis besides."""

    sockets_gib: float
    rows_gib: float

    def processes(self, kind: str) -> int:
        """Return how many processes of one core each it takes."""
        return max(1, ceil(self.cores[kind] / BUSY))

    @property
    def stores(self) -> int:
        """Machines for the store, each with a shard; copies for safety come on top."""
        return max(1, ceil(self.cores["store"] / BUSY / MACHINE_CORES))

    @property
    def machines(self) -> int:
        """Machines for the servers and workers; stores have their own."""
        programs = self.processes("server") + self.processes("worker")
        gib = self.sockets_gib + programs * PROCESS_MIB / 1024
        return max(ceil(programs / MACHINE_CORES), ceil(gib / MACHINE_GIB))


def crossing(rows: Sequence[Mapping[str, float]]) -> Crossing:
    """Return what the bus costs, by the first row, of one process, and the last, of the most."""
    alone, most = rows[0], rows[-1]

    def more(prefix: str) -> dict[str, float]:
        names = {kind: f"{prefix}{kind}_us" for kind in ("server", "redis")}
        return {kind: max(0.0, most[name] - alone[name]) for kind, name in names.items()}

    return {"direct-send": more(""), "fanout": more("fan_out_")}


def size_of(platform: Platform, middles: Middles, bus: Crossing) -> Size:
    """Return what `platform` needs by the medians of a table; raises KeyError for a missing row.

    `bus` comes on top where one server process is not enough.
    """
    cores = dict.fromkeys((*PROCESSES, "queue"), 0.0)
    for row, share in PER_NOTIFICATION.items():
        per_s = platform.peak_per_s * share
        for kind in PROCESSES:
            cores[kind] += per_s * middles[row].get(f"{kind}_us", 0.0) / 1e6
        if row in QUEUED:
            cores["queue"] += per_s * middles[row].get("redis_us", 0.0) / 1e6
    if cores["server"] > BUSY:
        for row, costs in bus.items():
            for kind, us in costs.items():
                cores[kind] += platform.peak_per_s * PER_NOTIFICATION[row] * us / 1e6
    rows = platform.notifications_a_day * KEPT_DAYS
    return Size(
        cores=cores,
        sockets_gib=platform.sockets * middles["connect"]["rss_kib"] / 1024**2,
        rows_gib=rows * middles["fanout"].get("row_bytes", float("nan")) / 1024**3,
    )


def walls(platform: Platform, middles: Middles) -> dict[str, float]:
    """Return at how many times of `platform` each thing ends of which there is only one.

    The queue's Redis is one process with one core. A store of the embedded kind is one process too;
    a sharded MongoDB is as many as wanted.
    """
    cores = size_of(platform, middles, {}).cores
    single = {
        "queue": "the Redis of the job queue",
        "store": "one store, where it is not sharded",
        "server": "one server process",
        "worker": "one worker process",
    }
    return {words: BUSY / cores[kind] for kind, words in single.items() if cores[kind]}


def sizing_rows(
    middles: Middles, bus: Crossing, platform: Platform = TODAY, *, times: int = TIMES
) -> tuple[Sequence[str], list[Sequence[str]]]:
    """Return the head and the lines of what `platform` needs, and so many times of it."""
    sizes = [(each, size_of(each, middles, bus)) for each in (platform, platform.times(times))]
    head = ("at the peak", *(f"{each.users:,} users" for each, _ in sizes))

    def line(label: str, shown_of: Callable[[Size], str]) -> Sequence[str]:
        return (label, *(shown_of(size) for _, size in sizes))

    rows: list[Sequence[str]] = [
        ("sockets", *(f"{each.sockets:,}" for each, _ in sizes)),
        ("notifications a second", *(shown(each.peak_per_s) for each, _ in sizes)),
        *(line(f"cores of {kind}", partial(_cores_shown, kind)) for kind in PROCESSES),
        line("server processes", lambda size: str(size.processes("server"))),
        line("worker processes", lambda size: str(size.processes("worker"))),
        line("memory of sockets, GiB", lambda size: shown(size.sockets_gib)),
        line(f"machines of {MACHINE_CORES} cores for both", lambda size: str(size.machines)),
        line(f"stores of {MACHINE_CORES} cores", lambda size: str(size.stores)),
        line("Redis processes", lambda size: str(size.processes("redis"))),
        line("rows of notifications, GiB", lambda size: shown(size.rows_gib)),
    ]
    return head, rows


def _cores_shown(kind: str, size: Size) -> str:
    return shown(size.cores[kind])


def wall_rows(
    middles: Middles, platform: Platform = TODAY
) -> tuple[Sequence[str], list[Sequence[str]]]:
    """Return the head and the lines of what ends first, of what there is only one."""
    found = sorted(walls(platform, middles).items(), key=lambda wall: wall[1])
    head = ("what ends, where there is one", f"at so many times {platform.users:,} users")
    return head, [(name, shown(at)) for name, at in found]


def main() -> int:
    """Print the sizes; return 2 when the file lacks a row."""
    options = _parser().parse_args()
    table = read_table(options.figures)
    bus = crossing(read_table(options.bus)["rows"])
    platform = Platform(
        users=options.users,
        sockets=options.sockets,
        notifications_a_day=options.notifications_a_day,
        peak_to_mean=options.peak_to_mean,
    )
    print_machine(table["machine"])
    try:
        print_table(*sizing_rows(table["medians"], bus, platform, times=options.times))
        print()
        print_table(*wall_rows(table["medians"], platform))
    except KeyError as error:
        print(f"{options.figures}: the row {error} was not measured", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/sizing.py", description=__doc__)
    parser.add_argument("figures", type=Path, nargs="?", default=FASTER_FIGURES, metavar="FILE")
    parser.add_argument(
        "--bus", type=Path, default=BUS_FIGURES, metavar="FILE", help="of bench/bus.py"
    )
    for name, default, words in (
        ("users", TODAY.users, "registered"),
        ("sockets", TODAY.sockets, "open at once"),
        ("notifications-a-day", TODAY.notifications_a_day, "in all"),
        ("times", TIMES, "of the second size"),
    ):
        parser.add_argument(
            f"--{name}",
            type=whole(1, 10_000_000_000),
            default=default,
            help=f"{words} ({default})",
        )
    parser.add_argument(
        "--peak-to-mean",
        type=float,
        default=TODAY.peak_to_mean,
        help=f"the busiest second by the mean one ({TODAY.peak_to_mean:.0f})",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
