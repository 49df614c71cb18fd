"""Measure what it costs to look for what is due, among many planned and many overdue.

The store is a real one, the looks are those of a server process, in this one. What is carried out
becomes events in the store; nobody carries these out.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pymongo

from actors.due_schedules import CarriedOut, DueSchedules
from actors.planning import planned_event
from bench.options import prepare, progress, whole
from bench.report import machine, percentile, print_machine, print_table, shown, write_json
from bench.service import RunningService, ServiceFailed, running_service
from config.settings import Settings
from storage.client import open_client
from storage.collection import portions
from storage.encryption import FieldCipher
from storage.event_rows import NewEvent
from storage.positions import PositionClock
from storage.schedules import schedule_row
from storage.stores import Stores, open_stores

ROWS_AT_ONCE = 2_000
LOOKS = 10
LOOK_AHEAD = timedelta(seconds=6)
SPREAD = timedelta(days=30)

Figures = dict[str, float]


@dataclass(slots=True)
class Bench:
    """A store full of schedules, and somebody who looks for what is due."""

    settings: Settings
    stores: Stores
    clock: PositionClock
    due: DueSchedules = field(init=False)
    late_s: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Look from now on as a process that has just begun."""
        self.late_s = []
        self.due = DueSchedules(self.stores.schedules, self.clock, note=self.late_s.append)

    def plan(self, times: Sequence[datetime], *, is_critical: bool = False) -> None:
        """Write a schedule for each of `times`, without waiting for the disk."""
        rows = _rows(FieldCipher(self.settings.encryption_keys), times, is_critical=is_critical)
        uri = str(self.settings.mongodb_uri)
        with pymongo.MongoClient[dict[str, Any]](
            uri, uuidRepresentation="standard", journal=False, w=1
        ) as client:
            schedules = client[self.settings.mongodb_database]["schedules"]
            for some in portions(rows, ROWS_AT_ONCE):
                schedules.insert_many(some, ordered=False)

    async def look(self) -> CarriedOut:
        """Look once."""
        return await self.due.carry_out(
            self._accept, by=self.clock.store_now(), look_ahead=LOOK_AHEAD
        )

    async def drain(self) -> Figures:
        """Look until nothing is due any more."""
        began_s = time.monotonic()
        count, shares_s = 0, []
        has_more = True
        while has_more:
            share_s = time.monotonic()
            done = await self.look()
            shares_s.append(time.monotonic() - share_s)
            count, has_more = count + done.count, done.has_more
        took_s = time.monotonic() - began_s
        return {
            "count": count,
            "a_second": count / took_s,
            "longest_share_ms": max(shares_s) * 1_000,
        }

    async def _accept(self, events: Sequence[NewEvent]) -> None:
        await self.stores.events.accept(events, accepted_at=self.clock.store_now())


def _rows(
    cipher: FieldCipher, times: Sequence[datetime], *, is_critical: bool
) -> Iterator[dict[str, Any]]:
    for at in times:
        order = uuid4().hex
        planned = planned_event(
            "pickup.hour",
            order,
            type="pickup.reminder_due",
            at=at,
            version=1,
            data={"interaction_id": order, "reminder": "hour", "pickup_time": at.isoformat()},
            is_critical=is_critical,
        )
        yield schedule_row(planned, cipher)


def main() -> int:
    """Measure, print, and return 1 when anything was carried out twice or not at all."""
    options = _parser().parse_args()
    try:
        prepare()
        with running_service() as service:
            service.stop_server()
            return asyncio.run(_measure(service, options))
    except ServiceFailed as error:
        print(error, file=sys.stderr)
        return 2


async def _measure(service: RunningService, options: argparse.Namespace) -> int:
    about = machine(service)
    client = open_client(str(service.settings.mongodb_uri), app_name="bench")
    database = client[service.settings.mongodb_database]
    clock = PositionClock()
    await clock.measure(database)
    cipher = FieldCipher(service.settings.encryption_keys)
    bench = Bench(service.settings, open_stores(database, cipher, clock), clock)
    rows: list[tuple[str, Figures]] = []
    for planned in (0, options.planned):
        if planned:
            progress(f"planning {planned:,}")
            bench.plan(_spread(clock.store_now() + timedelta(hours=1), SPREAD, planned))
        rows.append((f"nothing due, {planned:,} planned", await _looks(bench, due=0)))
        rows.append((f"100 due, {planned:,} planned", await _looks(bench, due=100)))
    backlogs: list[tuple[str, Figures]] = []
    progress(f"{options.overdue:,} overdue")
    bench.begin_anew()
    now = clock.store_now()
    bench.plan(_spread(now - timedelta(days=2), timedelta(days=2, hours=-1), options.overdue))
    first = await bench.look()
    bench.plan([clock.store_now()], is_critical=True)
    bench.late_s.clear()
    beside = await bench.look()
    drained = await bench.drain()
    drained["count"] += first.count + beside.count
    backlogs.append(
        (
            f"{options.overdue:,} overdue, one critical among them",
            {**drained, "critical_late_ms": bench.late_s[0] * 1_000},
        )
    )
    progress(f"{options.at_once:,} in one second")
    bench.begin_anew()
    bench.plan([clock.store_now()] * options.at_once)
    backlogs.append((f"{options.at_once:,} due in one second", await bench.drain()))
    left = await bench.stores.schedules.waiting_count()
    await client.aclose()
    _print(about, rows, backlogs)
    write_json(
        options.json,
        {
            "bench": "schedules",
            "machine": about,
            "looks": dict(rows),
            "backlogs": dict(backlogs),
        },
    )
    wanted = [options.overdue + 1, options.at_once]
    is_exact = [figures["count"] for _, figures in backlogs] == wanted
    if not is_exact or left != options.planned:
        print(f"carried out otherwise: {wanted} were due, {left:,} are left", file=sys.stderr)
        return 1
    return 0


async def _looks(bench: Bench, *, due: int) -> Figures:
    """Return what a look takes that finds `due`; the first looks through the past as well."""
    bench.begin_anew()
    began_s = time.monotonic()
    await bench.look()
    first_s = time.monotonic() - began_s
    looks_s = []
    for _ in range(LOOKS):
        if due:
            bench.plan([bench.clock.store_now()] * due)
        began_s = time.monotonic()
        await bench.look()
        looks_s.append(time.monotonic() - began_s)
    return {
        "first_ms": first_s * 1_000,
        "median_ms": percentile(looks_s, 50) * 1_000,
        "longest_ms": max(looks_s) * 1_000,
    }


def _spread(begin: datetime, over: timedelta, count: int) -> list[datetime]:
    return [begin + over * n / count for n in range(count)]


def _print(
    about: dict[str, Any],
    looks: Sequence[tuple[str, Figures]],
    backlogs: Sequence[tuple[str, Figures]],
) -> None:
    print_machine(about)
    print_table(
        ("a look", "first, ms", "median, ms", "longest, ms"),
        [
            (label, *(shown(each[name]) for name in ("first_ms", "median_ms", "longest_ms")))
            for label, each in looks
        ],
    )
    names = ("count", "a_second", "longest_share_ms", "critical_late_ms")
    print_table(
        ("a backlog", "carried out", "a second", "longest share, ms", "critical late, ms"),
        [
            (label, *(shown(each.get(name, float("nan"))) for name in names))
            for label, each in backlogs
        ],
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/schedules.py", description=__doc__)
    for name, default, words in (
        ("planned", 100_000, "planned for the next 30 days"),
        ("overdue", 5_000, "overdue by up to two days"),
        ("at-once", 2_000, "due in the same second"),
    ):
        parser.add_argument(
            f"--{name}", type=whole(1, 500_000), default=default, help=f"{words} ({default})"
        )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
