"""Have a campaign outlive kills of the server and of the worker, and measure what it is to others.

While it runs somebody is sent something critical every second. When a third of the audience is
told the server is killed and started again, and at two thirds the worker is. In the end everybody
must have one notification and one mail, but for those mails whose attempt is recorded as uncertain.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pymongo

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.http_load import HttpLoad, request
from bench.options import progress, whole
from bench.peers import Peer
from bench.population import Population
from bench.program import run
from bench.reminders import Begin, End, Reminded, Reminders
from bench.report import machine, percentile, print_machine, print_table, shown, write_json
from bench.service import RunningService, ServiceFailed
from bench.sinks import Answer, Arrived, Await, MailSink, Open
from server.auth import UserType
from server.tokens import mint
from storage.encryption import FieldCipher
from tests.support.seed import seed_reachable

DEFAULT_RATE = 1_000
STANDS_STILL_AFTER_S = 280.0
"""What a dead worker had begun is sent again after three minutes."""

LOOK_S = 20.0

POLL_S = 0.5

FIGURES = (
    ("recipients a second, kills included", "per_s"),
    ("seconds until completed", "completed_s"),
    ("seconds until the last mail", "mailed_s"),
    ("critical reminders, p50 s", "reminder_p50_s"),
    ("critical reminders, p99 s", "reminder_p99_s"),
    ("critical reminders, longest s", "reminder_longest_s"),
    ("reminders cut off by the kill", "reminders_cut_off"),
    ("not told", "not_told"),
    ("told more than once", "told_again"),
    ("mails lost", "mails_lost"),
    ("mails repeated", "mails_repeated"),
    ("of these on record as uncertain", "mails_uncertain"),
)


def main() -> int:
    """Measure, print, and return 1 when somebody was not told, or twice."""
    options = _parser().parse_args()
    return run(_measure, options, {"SNB_CAMPAIGN_RATE": str(options.rate)})


def _measure(service: RunningService, options: argparse.Namespace) -> int:
    about = machine(service) | {
        "processes": "one server, one worker, store, Redis, SMTP server and client, each its own,"
        " over loopback"
    }
    settings = service.settings
    with ExitStack() as stack:
        http = stack.enter_context(closing(Peer(HttpLoad)))
        mails = stack.enter_context(closing(Peer(MailSink)))
        reminders = stack.enter_context(closing(Peer(Reminders)))
        client = stack.enter_context(
            pymongo.MongoClient[dict[str, Any]](
                str(settings.mongodb_uri), uuidRepresentation="standard"
            )
        )
        worker = {"SNB_EMAIL_URL": f"{mails.call(Open(settings.data_dir)).result}?concurrency=100"}
        service.start_worker(worker)
        population = Population(service, http)
        progress(f"registering {options.users:,} users")
        (reminded,) = population.people(1)
        addresses = seed_reachable(
            str(settings.mongodb_uri),
            settings.mongodb_database,
            FieldCipher(settings.encryption_keys),
            options.users,
            "ngo",
        )
        mails.call(Answer(0.0))
        reminders.call(
            Begin(settings.public_url, population.platform_token, reminded.id, reminded.token)
        )
        run = _Run(service, population, client[settings.mongodb_database])
        began_s = time.monotonic()
        run.begin()
        progress("waiting for a third")
        run.wait_for(options.users // 3)
        assert service.server is not None
        service.server.kill()
        service.start_server()
        progress("the server was killed; waiting for two thirds")
        run.wait_for(options.users * 2 // 3)
        assert service.worker is not None
        service.worker.kill()
        service.worker.wait()
        service.start_worker(worker)
        progress("the worker was killed; waiting for the end")
        run.wait_for(options.users, status="completed")
        completed_s = time.monotonic() - began_s
        how: Reminded = reminders.call(End()).result
        progress("waiting for the mails")
        arrived = _all_mails(mails, options.users)
        figures = {
            "per_s": options.users / completed_s,
            "completed_s": completed_s,
            "mailed_s": max(arrived.at_s.values(), default=float("nan")) - began_s,
            "reminder_p50_s": percentile(how.after_s, 50),
            "reminder_p99_s": percentile(how.after_s, 99),
            "reminder_longest_s": max(how.after_s, default=float("nan")),
            "reminders_cut_off": how.cut_off,
            **run.outcome(addresses, arrived),
        }
    print_machine(about)
    print(f"A campaign to {options.users:,}, {options.rate:,} a second at most")
    print_table(("figure", "value"), [(label, shown(figures[name])) for label, name in FIGURES])
    write_json(options.json, {"bench": "campaigns", "machine": about, "figures": figures})
    return int(_is_wrong(figures))


def _all_mails(mails: Peer, users: int) -> Arrived:
    """Wait until everybody has a mail, or none comes any more."""
    arrived, changed_s = Arrived(), time.monotonic()
    while len(arrived.at_s) < users and time.monotonic() < changed_s + STANDS_STILL_AFTER_S:
        before, arrived = arrived, mails.call(Await(users, LOOK_S)).result
        if len(arrived.at_s) > len(before.at_s):
            changed_s = time.monotonic()
    return arrived


class _Run:
    """One campaign."""

    def __init__(
        self,
        service: RunningService,
        population: Population,
        database: pymongo.database.Database[dict[str, Any]],
    ) -> None:
        self._service = service
        self._population = population
        self._database = database
        self._id = UUID(int=0)

    def begin(self) -> None:
        """Make the campaign, as an admin."""
        admin = mint(self._service.settings, uuid4(), UserType.ADMIN)
        body = {
            "name": "bench",
            "title": "New this month",
            "message": "Pickups on Sundays, too.",
            "notification_type": "system_announcement",
            "channels": ["in_app", "email"],
            "audience": {"user_types": ["ngo"]},
        }
        made = self._population.send(
            [request("POST", "/api/campaigns/", admin, body)],
            expected_status=201,
            keeps_bodies=True,
        )
        self._id = UUID(json.loads(made.bodies[0])["id"])

    def wait_for(self, processed: int, *, status: str | None = None) -> None:
        """Wait until so many are told; raises ServiceFailed."""
        last, changed_s = -1, time.monotonic()
        while True:
            row = self._database["campaigns"].find_one({"_id": self._id}) or {}
            now = row["progress"]["processed"]
            if now >= processed and status in (None, row["status"]):
                return
            if now != last:
                last, changed_s = now, time.monotonic()
            if time.monotonic() > changed_s + 60.0:
                raise ServiceFailed(f"the campaign stands still at {now}: {row['status']}")
            time.sleep(POLL_S)

    def outcome(self, addresses: Mapping[UUID, str], arrived: Arrived) -> dict[str, float]:
        """Return what is wrong, if anything."""
        told: Counter[UUID] = Counter()
        uncertain = 0
        for row in self._database["notifications"].find({"campaign_id": self._id}):
            told[row["recipient_id"]] += 1
            attempts = row["channels"]["email"].get("attempts", ())
            uncertain += any(attempt.get("uncertain") for attempt in attempts)
        return {
            "not_told": len(addresses.keys() - told.keys()),
            "told_again": sum(times > 1 for times in told.values()),
            "mails_lost": len(set(addresses.values()) - arrived.at_s.keys()),
            "mails_repeated": arrived.repeated,
            "mails_uncertain": uncertain,
        }


def _is_wrong(figures: Mapping[str, float]) -> bool:
    return (
        any(figures[name] for name in ("not_told", "told_again", "mails_lost"))
        or figures["mails_repeated"] > figures["mails_uncertain"]
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/campaigns.py", description=__doc__)
    parser.add_argument(
        "--users", type=whole(30, 200_000), default=2_000, help="of the audience (2000)"
    )
    parser.add_argument(
        "--rate",
        type=whole(1, 100_000),
        default=DEFAULT_RATE,
        help=f"SNB_CAMPAIGN_RATE ({DEFAULT_RATE})",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
