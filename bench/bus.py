"""Measure the bus at several numbers of server processes: who reads what, and what it costs.

Everybody has a socket with one process or another. One process is told to send to each of them
once, over one connection; then one listing goes to all. A process has to read the messages for
those who are connected to it, and no others, and the one that sends has to read none.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from redis import Redis

from bench.account import Reading, Watched
from bench.direct_seeding import follow_directly, register_directly
from bench.fanout_rounds import FanoutRounds
from bench.http_load import HttpLoad
from bench.options import prepare, progress, whole
from bench.peers import Peer, PeerFailed
from bench.population import Person, Population
from bench.report import machine, print_machine, print_table, shown, write_json
from bench.rest_rows import SENT_LISTING, direct_send
from bench.service import RunningService, ServiceFailed, running_service
from bench.swarm import Await, Expect, Report, Seen, Swarm
from storage.bus_streams import stream_key
from storage.redis import tagged_key

FRAMES_WITHIN_S = 30.0

BUS_COLUMNS = (
    ("processes", "processes"),
    ("messages", "messages"),
    ("read by others", "read"),
    ("of their users", "of_their_users"),
    ("lost", "lost"),
    ("repeated", "repeated"),
    ("all servers us", "server_us"),
    ("sender us", "sender_us"),
    ("reader us", "reader_us"),
    ("Redis us", "redis_us"),
    ("fan-out: entries", "fan_out_entries"),
    ("all servers us", "fan_out_server_us"),
    ("Redis us", "fan_out_redis_us"),
)

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Process:
    """A server process on the bus."""

    name: str
    pid: int


class BusRounds:
    """Looks at the streams and the registrations beside a service that is up."""

    def __init__(self, service: RunningService, redis: Redis) -> None:
        self._service = service
        self._redis = redis
        with service.database() as database:
            rows = list(database["processes"].find({"kind": "server"}))
        self.processes = [Process(f"{row['_id']}#{row['epoch']}", row["pid"]) for row in rows]

    def spent(self, before: Reading) -> dict[str, float]:
        """Return what each process has used since, less its share of what all use at rest."""
        now = self.watched.read()
        at_rest_s = (now.at_s - before.at_s) * self._service.at_rest["server"]
        return {
            name: used_s - at_rest_s / len(self.processes)
            for name, used_s in now.since(before).items()
        }

    def entries(self) -> dict[str, int]:
        """Return how many entries each process has been sent so far; they have no gap."""
        return {each.name: self._last(each.name) for each in self.processes}

    def users(self, people: Sequence[Person]) -> dict[str, int]:
        """Return how many of `people` are registered with each process."""
        counts = {each.name: 0 for each in self.processes}
        for person in people:
            names: Any = self._redis.zrange(tagged_key("bus", person.id), 0, -1)
            for name in names:
                counts[name.decode()] += 1
        return counts

    @property
    def watched(self) -> Watched:
        """The processes, each by its name."""
        return Watched({each.name: [each.pid] for each in self.processes})

    def _last(self, name: str) -> int:
        key = stream_key(name)
        if not self._redis.exists(key):
            return 0
        last: bytes = self._redis.xinfo_stream(key)["last-generated-id"]
        return 0 if last == b"0-0" else int(last.partition(b"-")[2]) + 1


def main() -> int:
    """Measure, print, and return 1 when a process read what is not for its users."""
    options = _parser().parse_args()
    rows: list[Figures] = []
    about: dict[str, Any] = {}
    try:
        prepare()
        for count in options.processes:
            with running_service({"SNB_PROCESSES": str(count), "SNB_DAILY_CAPS": "off"}) as service:
                about = machine(service)
                rows.append(_measure(service, count, options.sockets))
                for line in service.complaints():
                    print(f"server: {line}", file=sys.stderr)
    except (ServiceFailed, PeerFailed) as error:
        print(error, file=sys.stderr)
        return 2
    print_machine(about)
    print(f"{options.sockets} sockets; CPU for one message, us, the sending itself included")
    print_table(
        tuple(label for label, _ in BUS_COLUMNS),
        [tuple(shown(row[name]) for _, name in BUS_COLUMNS) for row in rows],
    )
    write_json(
        options.json,
        {"bench": "bus", "machine": about, "sockets": options.sockets, "rows": rows},
    )
    return int(any(_is_wrong(row) for row in rows))


def _measure(service: RunningService, count: int, sockets: int) -> Figures:
    with ExitStack() as stack:
        http = stack.enter_context(closing(Peer(HttpLoad)))
        swarm = stack.enter_context(closing(Peer(Swarm)))
        redis = stack.enter_context(closing(Redis.from_url(str(service.settings.redis_url))))
        progress(f"{count} processes: {sockets} sockets")
        population = Population(service, http)
        people = register_directly(service.settings, sockets)
        (business_id,) = population.businesses(1)
        follow_directly(service.settings, people, business_id)
        rounds = FanoutRounds(service, population, [swarm], people)
        rounds.connect_round()
        rounds.fan_out_round(business_id)
        service.rest()
        bus = BusRounds(service, redis)
        users = bus.users(people) if count > 1 else {bus.processes[0].name: sockets}

        before = bus.entries()
        cpu_before, watched_before = bus.watched.read(), service.watched.read()
        swarm.call(Expect([SENT_LISTING]))
        population.send(
            [direct_send(population.platform_token, person.id) for person in people],
            expected_status=201,
        )
        swarm.call(Await(sockets, FRAMES_WITHIN_S))
        service.settle()
        seen: Seen = swarm.call(Report()).result
        redis_s = service.spent(watched_before)["redis"]
        cpu = bus.spent(cpu_before)
        read = {name: after - before[name] for name, after in bus.entries().items()}
        sender = max(cpu, key=lambda name: cpu[name])
        readers = [name for name in cpu if name != sender]

        entries_before = sum(bus.entries().values())
        fan_out = rounds.fan_out_round(business_id)
        return {
            "processes": count,
            "messages": sockets,
            "read": sum(read.values()),
            "of_their_users": sum(users[name] for name in readers),
            "not_their_users": sum(abs(read[name] - users[name]) for name in readers),
            "read_by_sender": read[sender],
            "lost": sockets - len(seen.ids) + fan_out["lost"],
            "repeated": seen.repeated + fan_out["repeated"],
            "server_us": sum(cpu.values()) / sockets * 1e6,
            "sender_us": cpu[sender] / sockets * 1e6,
            "reader_us": _mean_us(cpu, users, readers),
            "redis_us": redis_s / sockets * 1e6,
            "fan_out_entries": sum(bus.entries().values()) - entries_before,
            "fan_out_server_us": fan_out["server_us"],
            "fan_out_redis_us": fan_out["redis_us"],
        }


def _mean_us(cpu: Mapping[str, float], users: Mapping[str, int], names: Sequence[str]) -> float:
    """Return what those of `names` used for each message of theirs."""
    messages = sum(users[name] for name in names)
    return sum(cpu[name] for name in names) / messages * 1e6 if messages else float("nan")


def _is_wrong(row: Figures) -> bool:
    return any(row[name] for name in ("lost", "repeated", "not_their_users", "read_by_sender"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/bus.py", description=__doc__)
    parser.add_argument(
        "--processes",
        nargs="+",
        type=whole(1, 16),
        default=(1, 3, 8),
        metavar="N",
        help="numbers of server processes (1 3 8)",
    )
    parser.add_argument(
        "--sockets", type=whole(10, 10_000), default=480, help="each of a user of its own (480)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
