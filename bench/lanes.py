"""Measure what a large fan-out does to what is critical: how long that takes to reach its socket.

Somebody is sent something critical every quarter of a second, first by itself and then while a
listing is told to many followers, of whom some are connected.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.request import urlopen
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.fanout_rounds import FanoutRounds
from bench.http_load import HttpLoad, request
from bench.options import add_common, progress, whole
from bench.peers import Peer
from bench.population import EVENTS, Person, Population, listing
from bench.profiler import profiled
from bench.program import run
from bench.reminders import Begin, End, Reminded, Reminders
from bench.report import machine, percentile, print_machine, print_table, shown, write_json
from bench.service import RunningService, ServiceFailed
from bench.swarm import Swarm
from server.auth import UserType
from server.tokens import mint
from storage.client import open_client
from storage.indexes import ensure_indexes
from tests.support.seed import seed_followers

EVERY_S = 0.25
ONLINE = 100
ALONE_S = 15.0
BEGINS_WITHIN_S = 30.0
POLL_S = 0.1
TOLD = "snb_fan_out_recipients_total"

FIGURES = (
    ("critical, post to frame, p50 ms", "p50_ms"),
    ("critical, post to frame, p99 ms", "p99_ms"),
    ("critical, post to frame, longest ms", "longest_ms"),
    ("critical, sent", "sent"),
    ("critical, cut off", "cut_off"),
    ("followers told a second", "told_per_s"),
)


def main() -> int:
    """Measure, print, and return 1 when something critical did not come."""
    options = _parser().parse_args()
    return run(_measure, options, {"SNB_RATE_LIMITS": "off"})


def _measure(service: RunningService, options: argparse.Namespace) -> int:
    about = machine(service)
    settings = service.settings
    with ExitStack() as stack:
        http = stack.enter_context(closing(Peer(HttpLoad)))
        swarm = stack.enter_context(closing(Peer(Swarm)))
        reminders = stack.enter_context(closing(Peer(Reminders)))
        population = Population(service, http)
        progress(f"registering {options.followers:,} users, who follow")
        (reminded,) = population.people(1)
        (business_id,) = population.businesses(1)
        service.stop_server()
        ids = _seed(service, business_id, options.followers)
        service.start_server()
        online = [Person(id_, mint(settings, id_, UserType.CUSTOMER)) for id_ in ids[:ONLINE]]
        FanoutRounds(service, population, [swarm], online).connect_round()
        begin = Begin(
            settings.public_url, population.platform_token, reminded.id, reminded.token, EVERY_S
        )
        progress("sending what is critical, by itself")
        reminders.call(begin)
        time.sleep(ALONE_S)
        alone = _figures(reminders.call(End()).result, 0.0)
        progress("sending it while a listing is told")
        population.send(
            [request("POST", EVENTS, population.platform_token, listing(business_id))],
            expected_status=202,
        )
        _wait_for_the_first(service)
        with profiled(service.server_pid, options.profile, "lanes"):
            told_before, began_s = _told(service), time.monotonic()
            reminders.call(begin)
            time.sleep(options.seconds)
            how = reminders.call(End()).result
            told_after, ended_s = _told(service), time.monotonic()
    if told_after >= options.followers:
        raise ServiceFailed("everybody was told before the end: take more followers")
    beside = _figures(how, (told_after - told_before) / (ended_s - began_s))
    print_machine(about)
    print(f"Beside a listing to {options.followers:,} followers, {len(online)} of them connected")
    print_table(
        ("figure", "alone", "beside"),
        [(label, shown(alone[name]), shown(beside[name])) for label, name in FIGURES],
    )
    for line in service.complaints():
        print(f"server: {line}", file=sys.stderr)
    write_json(
        options.json,
        {
            "bench": "lanes",
            "machine": about,
            "options": {"followers": options.followers, "seconds": options.seconds},
            "alone": alone,
            "beside": beside,
            "server_log": service.complaints(),
        },
    )
    return int(bool(beside["cut_off"]))


def _seed(service: RunningService, business_id: UUID, count: int) -> list[UUID]:
    """Have `count` people follow, while nobody else is there: their indexes are made afterwards.

    Kept meanwhile, they would take the embedded store four times as long.
    """
    uri, name = str(service.settings.mongodb_uri), service.settings.mongodb_database
    with service.database() as database:
        for collection in ("users", "follows"):
            database[collection].drop_indexes()
    ids = seed_followers(uri, name, business_id, count)

    async def index() -> None:
        client = open_client(uri, app_name="bench")
        try:
            await ensure_indexes(client[name])
        finally:
            await client.aclose()

    asyncio.run(index())
    return ids


def _figures(how: Reminded, told_per_s: float) -> Mapping[str, float]:
    return {
        "p50_ms": percentile(how.after_s, 50) * 1e3,
        "p99_ms": percentile(how.after_s, 99) * 1e3,
        "longest_ms": max(how.after_s, default=float("nan")) * 1e3,
        "sent": len(how.after_s) + how.cut_off,
        "cut_off": how.cut_off,
        "told_per_s": told_per_s,
    }


def _wait_for_the_first(service: RunningService) -> None:
    deadline = time.monotonic() + BEGINS_WITHIN_S
    while not _told(service):
        if time.monotonic() > deadline:
            raise ServiceFailed("nobody is told of the listing")
        time.sleep(POLL_S)


def _told(service: RunningService) -> float:
    """Return how many recipients fan-outs have come to in this server process."""
    with urlopen(f"{service.settings.public_url}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith(TOLD))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/lanes.py", description=__doc__)
    parser.add_argument(
        "--followers",
        type=whole(ONLINE, 1_000_000),
        default=100_000,
        help="who are told of the listing (100000)",
    )
    parser.add_argument(
        "--seconds", type=whole(1, 600), default=30, help="to send for beside the fan-out (30)"
    )
    add_common(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
