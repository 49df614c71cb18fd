"""Measure what one reader who sleeps does to everybody else: the same fan-out with and without it.

All sockets are connected; then a listing is posted to them again and again, every second time with
one follower more, whose connection has every buffer full when the listing is posted. How long that
connection lasts is measured too.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.direct_seeding import follow_directly
from bench.fanout_rounds import MUST_BE_ZERO, FanoutRounds
from bench.http_load import HttpLoad
from bench.options import add_common, prepare, progress, whole
from bench.peers import Peer, PeerFailed
from bench.population import Person, Population
from bench.profiler import ProfilerMissing, check_profiler, profiled
from bench.report import machine, medians, print_machine, print_table, shown, write_json
from bench.service import RunningService, ServiceFailed, running_service
from bench.sleeper import NotStuck, Sleeper
from bench.swarm import Swarm

MOST_SOCKETS = 20_000
GONE_WITHIN_S = 15.0
"""What a reader who sleeps is given (contract section 4: 10 s, and then it is cut)."""

PATIENCE_S = 30.0
LOOK_EVERY_S = 0.05

FIGURES = (
    ("post to first frame, ms", "first_ms"),
    ("post to median frame, ms", "p50_ms"),
    ("post to 99 % of frames, ms", "p99_ms"),
    ("post to last frame, ms", "last_ms"),
    ("CPU of the server a message, us", "server_us"),
    ("sockets without the frame", "lost"),
    ("connections lost", "connections_lost"),
)
Figures = Mapping[str, float]


def main() -> int:
    """Measure, print, and return 1 when a frame was missed or the sleeper stayed too long."""
    options = _parser().parse_args()
    try:
        check_profiler(options.profile)
        prepare()
        with running_service() as service:
            return _measure(service, options)
    except (ProfilerMissing, ServiceFailed, PeerFailed, NotStuck) as error:
        print(error, file=sys.stderr)
        return 2


def _measure(service: RunningService, options: argparse.Namespace) -> int:
    about = machine(service)
    alone: list[Figures] = []
    beside: list[Figures] = []
    with ExitStack() as stack:
        http = stack.enter_context(closing(Peer(HttpLoad)))
        swarms = [stack.enter_context(closing(Peer(Swarm)))]
        population = Population(service, http)
        progress(f"registering {options.sockets:,} users, who follow, and one who sleeps")
        *people, sleeper = population.people(options.sockets + 1)
        (business_id,) = population.businesses(1)
        follow_directly(service.settings, [*people, sleeper], business_id)
        service.start_server()
        rounds = FanoutRounds(service, population, swarms, people)
        rounds.connect_round()
        rounds.fan_out_round(business_id)
        with profiled(service.server_pid, options.profile, "fanout"):
            for number in range(options.rounds):
                progress(f"posting a listing, round {number + 1}")
                alone.append(rounds.fan_out_round(business_id))
                progress("posting one while one sleeps")
                beside.append(_round_beside(service, rounds, sleeper, business_id))
    _print(about, options, alone, beside, service.complaints())
    write_json(
        options.json,
        {
            "bench": "slow_reader",
            "machine": about,
            "options": {"sockets": options.sockets, "rounds": options.rounds},
            "without": alone,
            "beside_a_sleeper": beside,
            "server_log": service.complaints(),
        },
    )
    is_late = any(each["gone_after_s"] > GONE_WITHIN_S for each in beside)
    return int(is_late or any(each[name] for each in (*alone, *beside) for name in MUST_BE_ZERO))


def _round_beside(
    service: RunningService, rounds: FanoutRounds, person: Person, business_id: UUID
) -> Figures:
    """Return the figures of a fan-out that meets a sleeper, and how long it lasts after that."""
    settings = service.settings
    with Sleeper(settings.host, settings.port, person.token) as sleeper:
        asleep_s = sleeper.fall_asleep()
        figures = rounds.fan_out_round(business_id)
        while not sleeper.is_gone():
            if time.monotonic() > asleep_s + PATIENCE_S:
                raise ServiceFailed(f"who sleeps is still there after {PATIENCE_S:.0f} s")
            time.sleep(LOOK_EVERY_S)
        return {**figures, "gone_after_s": time.monotonic() - asleep_s}


def _print(
    about: dict[str, Any],
    options: argparse.Namespace,
    alone: Sequence[Figures],
    beside: Sequence[Figures],
    complaints: list[str],
) -> None:
    print_machine(about)
    print(f"One listing to {options.sockets:,} sockets, medians of {options.rounds} rounds each")
    without, with_one = medians(alone), medians(beside)
    rows = [(label, shown(without[name]), shown(with_one[name])) for label, name in FIGURES]
    rows.append(("the sleeper is gone after, s", "-", shown(with_one["gone_after_s"])))
    print_table(("figure", "without", "beside a sleeper"), rows)
    for line in complaints:
        print(f"server: {line}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/slow_reader.py", description=__doc__)
    parser.add_argument(
        "--sockets",
        type=whole(1, MOST_SOCKETS),
        default=1_000,
        help="that read, each of a follower of its own (1000)",
    )
    add_common(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
