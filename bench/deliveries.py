"""Measure one worker process: pushes and emails a second, and how long after its event each goes.

Three rows, each repeated `--rounds` times: a backlog of pushes to an FCM that answers soon; a
backlog of emails to an SMTP server that takes its time, at most 100 of them in flight; listings
posted at a steady pace, with a mail and a push to each follower. FCM and SMTP server are processes
of their own. CPU is taken until the worker has written how everything ended.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack, closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.backlog import opened_backlog
from bench.delivery_rounds import DeliveryRounds
from bench.http_load import HttpLoad
from bench.options import add_common, progress, whole
from bench.peers import Peer
from bench.population import Population
from bench.profiler import profiled
from bench.program import run
from bench.report import machine, medians, print_machine, print_table, shown, write_json
from bench.service import RunningService
from bench.sinks import Close, MailSink, Open, PushSink
from rules.kinds import Channel

IN_FLIGHT = 100
"""Emails; the worker's own default, said here because the figure depends on it."""

WARM_UP = 20

FIGURES = (
    ("pushes", "a second", "per_s", "wall"),
    ("pushes", "most in flight", "most_in_flight", "FCM"),
    ("pushes", "CPU a push, us", "worker_us", "worker"),
    ("pushes", "CPU a push, us", "store_us", "store"),
    ("pushes", "CPU a push, us", "redis_us", "redis"),
    ("pushes", "CPU a push, us", "clients_us", "FCM"),
    ("emails", "a second", "per_s", "wall"),
    ("emails", "most in flight", "most_in_flight", "SMTP"),
    ("emails", "CPU an email, us", "worker_us", "worker"),
    ("emails", "CPU an email, us", "store_us", "store"),
    ("emails", "CPU an email, us", "redis_us", "redis"),
    ("emails", "CPU an email, us", "clients_us", "SMTP"),
    ("listings", "event to push, p50 ms", "push_p50_ms", "FCM"),
    ("listings", "event to push, p99 ms", "push_p99_ms", "FCM"),
    ("listings", "event to mail, p50 ms", "email_p50_ms", "SMTP"),
    ("listings", "event to mail, p99 ms", "email_p99_ms", "SMTP"),
    ("pushes", "lost; repeated", ("lost", "repeated"), "FCM"),
    ("emails", "lost; repeated", ("lost", "repeated"), "SMTP"),
    ("listings", "lost; repeated", ("lost", "repeated"), "both"),
)

Rounds = dict[str, list[dict[str, float]]]


def main() -> int:
    """Measure, print, and return 1 when anything did not arrive or came twice."""
    options = _parser().parse_args()
    return run(_measure, options)


def _measure(service: RunningService, options: argparse.Namespace) -> int:
    about = machine(service) | {
        "processes": "one server, one worker, store, Redis, SMTP server, FCM and client, each its"
        " own, over loopback"
    }
    results: Rounds = {"pushes": [], "emails": [], "listings": []}
    answer_s, mail_answer_s = options.answer_ms / 1e3, options.mail_answer_ms / 1e3
    with ExitStack() as stack:
        http = stack.enter_context(closing(Peer(HttpLoad)))
        mails = stack.enter_context(closing(Peer(MailSink)))
        pushes = stack.enter_context(closing(Peer(PushSink)))
        backlog = stack.enter_context(opened_backlog(service.settings))
        directory = service.settings.data_dir
        pid = service.start_worker(
            {
                "SNB_EMAIL_URL": f"{mails.call(Open(directory)).result}?concurrency={IN_FLIGHT}",
                "SNB_PUSH_URL": pushes.call(Open(directory)).result,
            }
        )
        rounds = DeliveryRounds(
            service,
            Population(service, http),
            backlog,
            {Channel.EMAIL: mails, Channel.PUSH: pushes},
        )
        progress("warming up")
        for channel in (Channel.PUSH, Channel.EMAIL):
            rounds.send_round(channel, WARM_UP, answer_s=answer_s)
        service.rest()
        for number in range(options.rounds):
            progress(f"round {number + 1}: {options.pushes:,} pushes")
            with profiled(pid, options.profile, f"pushes-{number + 1}"):
                results["pushes"].append(
                    rounds.send_round(Channel.PUSH, options.pushes, answer_s=answer_s)
                )
            progress(f"round {number + 1}: {options.emails:,} emails")
            with profiled(pid, options.profile, f"emails-{number + 1}"):
                results["emails"].append(
                    rounds.send_round(Channel.EMAIL, options.emails, answer_s=mail_answer_s)
                )
            progress(f"round {number + 1}: {options.events} listings")
            with profiled(pid, options.profile, f"listings-{number + 1}"):
                results["listings"].append(
                    rounds.paced_round(
                        options.events,
                        options.followers,
                        every_s=60.0 / options.events_per_minute,
                        answer_s=answer_s,
                    )
                )
        service.stop_worker()
        for sink in (mails, pushes):
            sink.call(Close())
    middles = {row: medians(each) for row, each in results.items()}
    print_machine(about)
    print(_said(options))
    print_table(("figure", "median", "process"), _lines(middles))
    for line in service.complaints():
        print(f"log: {line}", file=sys.stderr)
    write_json(
        options.json,
        {
            "bench": "deliveries",
            "machine": about,
            "options": {
                name: value
                for name, value in vars(options).items()
                if name not in {"json", "profile"}
            },
            "medians": middles,
            "rounds": results,
            "log": service.complaints(),
        },
    )
    every = [each for rounds_ in results.values() for each in rounds_]
    return int(any(each["lost"] or each["repeated"] for each in every))


def _said(options: argparse.Namespace) -> str:
    return (
        f"{options.pushes:,} pushes, answered after {options.answer_ms} ms; {options.emails:,}"
        f" emails, answered after {options.mail_answer_ms} ms; {options.events} listings,"
        f" {options.events_per_minute} a minute, to {options.followers} followers each; medians of"
        f" {options.rounds} rounds"
    )


def _lines(middles: dict[str, dict[str, float]]) -> list[tuple[str, ...]]:
    """Return the lines of the table; stores that were given have no CPU of ours."""
    lines: list[tuple[str, ...]] = []
    for row, label, names, of in FIGURES:
        wanted = (names,) if isinstance(names, str) else names
        figures = [shown(middles[row][name]) for name in wanted if name in middles[row]]
        if figures:
            lines.append((f"{row}: {label}", "; ".join(figures), of))
    return lines


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/deliveries.py", description=__doc__)
    parser.add_argument("--pushes", type=whole(10, 20_000), default=2_000, help="a round (2000)")
    parser.add_argument("--emails", type=whole(10, 5_000), default=500, help="a round (500)")
    parser.add_argument(
        "--mail-answer-ms",
        type=whole(0, 5_000),
        default=1_000,
        help="what the SMTP server takes for a mail of the backlog (1000)",
    )
    parser.add_argument(
        "--answer-ms",
        type=whole(0, 5_000),
        default=20,
        help="what FCM takes for a push, and the SMTP server for the mail of a listing (20)",
    )
    parser.add_argument("--events", type=whole(1, 500), default=20, help="listings a round (20)")
    parser.add_argument(
        "--events-per-minute", type=whole(1, 600), default=50, help="posted evenly (50)"
    )
    parser.add_argument(
        "--followers", type=whole(1, 100), default=5, help="of each listing's business (5)"
    )
    add_common(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
