"""Measure a storm: many sockets come at once, while listings are posted to those already here.

As many as are asked for connect at the same moment, as after a restart of the service; who is sent
away comes back when told to. Listings are posted four a second before it and all the while, over a
connection that is kept, as other services do; what is measured of them is how long each frame takes
to who was here before.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.account import cpu_s
from bench.direct_seeding import follow_directly
from bench.http_load import HttpLoad
from bench.metrics import longest, read_metrics
from bench.options import add_limits, limits, progress, whole
from bench.peers import Peer, Reply
from bench.population import EVENTS, Person, Population, listing
from bench.profiler import profiled
from bench.program import run
from bench.report import machine, percentile, print_machine, print_table, shown, write_json
from bench.service import RunningService, ServiceFailed
from bench.swarm import Await, Connect, Connected, Expect, Report, Seen, Swarm

EVERY_S = 0.25
CALM_EVENTS = 40
FRAMES_WITHIN_S = 30.0


@dataclass(slots=True)
class Posted:
    """What came of the listings that were posted in one phase."""

    frames_ms: list[float] = field(default_factory=list)
    lost: int = 0


class Listings:
    """Posts listings to those who are here, and sees when their frames come."""

    def __init__(
        self, population: Population, swarm: Peer, business_id: UUID, followers: int, host: str
    ) -> None:
        self._connection = http.client.HTTPConnection(host, timeout=FRAMES_WITHIN_S)
        self._headers = {
            "Authorization": f"Bearer {population.platform_token}",
            "Content-Type": "application/json",
        }
        self._swarm = swarm
        self._business_id = business_id
        self._followers = followers

    def post_while(self, is_on: Callable[[int], bool]) -> Posted:
        """Post one every quarter of a second while `is_on`, given how many there were."""
        posted, count = Posted(), 0
        while is_on(count):
            count += 1
            began_s = time.monotonic()
            event = listing(self._business_id)
            self._swarm.call(Expect([event["data"]["listing_id"]]))
            posted_s = time.monotonic()
            self._post(json.dumps(event))
            self._swarm.call(Await(self._followers, FRAMES_WITHIN_S))
            seen: Seen = self._swarm.call(Report()).result
            (at_s,) = seen.at_s.values()
            posted.frames_ms += [(each_s - posted_s) * 1e3 for each_s in at_s]
            posted.lost += self._followers - len(seen.frames_by_connection)
            time.sleep(max(0.0, began_s + EVERY_S - time.monotonic()))
        return posted

    def _post(self, event: str) -> None:
        self._connection.request("POST", EVENTS, event, self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != http.HTTPStatus.ACCEPTED:
            raise ServiceFailed(f"a listing was answered {answer.status}: {body[:200]!r}")


def main() -> int:
    """Measure, print, and return 1 when somebody who was here missed a frame."""
    options = _parser().parse_args()
    return run(_measure, options, limits(options))


def _measure(service: RunningService, options: argparse.Namespace) -> int:
    about = machine(service)
    with ExitStack() as stack:
        http, here = (stack.enter_context(closing(Peer(kind))) for kind in (HttpLoad, Swarm))
        storms = [
            stack.enter_context(closing(Peer(Swarm))) for _ in range(options.client_processes)
        ]
        population = Population(service, http)
        progress(f"registering {options.sockets + options.here:,} users")
        people = population.people(options.sockets + options.here)
        followers, coming = people[: options.here], people[options.here :]
        (business_id,) = population.businesses(1)
        follow_directly(service.settings, followers, business_id)
        service.start_server()
        here.call(_connect(service, followers))
        address = f"{service.settings.host}:{service.settings.port}"
        listings = Listings(population, here, business_id, options.here, address)
        progress("posting listings in the calm")
        listings.post_while(lambda count: count < CALM_EVENTS // 4)
        calm = listings.post_while(lambda count: count < CALM_EVENTS)
        progress(f"{options.sockets:,} sockets come at once")
        before, used_s = read_metrics(service.settings), cpu_s(service.server_pid)
        waiting = stack.enter_context(ThreadPoolExecutor(len(storms)))
        with profiled(service.server_pid, options.profile, "storm"):
            replies: list[Future[Reply]] = [
                waiting.submit(storm.call, _connect(service, coming[number :: len(storms)]))
                for number, storm in enumerate(storms)
            ]
            storm = listings.post_while(lambda _: not all(each.done() for each in replies))
        used_s = cpu_s(service.server_pid) - used_s
        after = read_metrics(service.settings)
    done: list[Connected] = [each.result().result for each in replies]
    wall_s = max(each.ended_s for each in done) - min(each.began_s for each in done)
    latencies_s = [s for each in done for s in each.latencies_s]
    figures = {
        "connects_per_s": len(latencies_s) / wall_s,
        "connect_p50_s": percentile(latencies_s, 50),
        "connect_last_s": max(latencies_s),
        "sent_away": sum(each.sent_away for each in done),
        "server_us_a_connect": used_s / len(latencies_s) * 1e6,
        "longest_lag_ms": longest(before, after, "snb_loop_lag_seconds") * 1e3,
        "longest_pause_ms": longest(before, after, "snb_gc_pause_seconds") * 1e3,
        "lost": calm.lost + storm.lost,
    }
    print_machine(about)
    print(
        f"{options.sockets:,} sockets come at once; a listing every 250 ms to {options.here} here"
    )
    print_table(("figure", "value"), [(name, shown(value)) for name, value in figures.items()])
    phases = {"calm": calm.frames_ms, "storm": storm.frames_ms}
    print_table(
        ("post to frame, ms", "p50", "p99", "last"),
        [
            (name, *(shown(percentile(ms, at)) for at in (50, 99, 100)))
            for name, ms in phases.items()
        ],
    )
    for line in service.complaints():
        print(f"server: {line}", file=sys.stderr)
    write_json(
        options.json,
        {"bench": "storm", "machine": about, "figures": figures, "frames_ms": phases},
    )
    return int(calm.lost + storm.lost > 0)


def _connect(service: RunningService, people: Sequence[Person]) -> Connect:
    return Connect(
        host=service.settings.host,
        port=service.settings.port,
        tokens=[person.token for person in people],
        at_once=len(people),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/storm.py", description=__doc__)
    parser.add_argument(
        "--sockets", type=whole(1, 20_000), default=2_000, help="that come at once (2000)"
    )
    parser.add_argument(
        "--here", type=whole(1, 1_000), default=100, help="sockets that are here before (100)"
    )
    parser.add_argument(
        "--client-processes", type=whole(1, 8), default=1, help="from which they come (1)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="as bench/fanout.py has it")
    add_limits(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
