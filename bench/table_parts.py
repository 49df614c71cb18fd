"""The parts of the table: each has a service of its own, and measures the rows that it is for."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from bench.backlog import opened_backlog
from bench.delivery_rounds import DeliveryRounds
from bench.direct_seeding import follow_directly, register_directly
from bench.fanout_rounds import FanoutRounds
from bench.http_load import HttpLoad
from bench.options import limits, progress
from bench.peers import Peer
from bench.population import Person, Population
from bench.rest_rounds import RestRounds
from bench.rest_rows import NAMES, rows
from bench.rest_world import populate
from bench.service import RunningService
from bench.sheet import Sheet
from bench.sinks import Close, MailSink, Open, PushSink
from bench.swarm import Swarm
from bench.wire_tally import tallied
from rules.kinds import Channel

WARM_UP_SOCKETS = 50
WARM_UP_DELIVERIES = 20
REQUESTS_WITHIN_S = 20.0
FOLLOWERS = 100
"""Of each business that posts at a pace."""

PACED_S = 8.0
EMAILS_IN_FLIGHT = 100
PUSH_ANSWER_S = 0.02
MAIL_ANSWER_S = 1.0
LISTINGS = 14
LISTING_FOLLOWERS = 20
LISTING_EVERY_S = 1.0

Measuring = Callable[[RunningService, Sheet, argparse.Namespace], Generator[None, None, None]]
"""Yields before its first row and after each."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows that are measured over one service, whose settings `variables` says."""

    names: tuple[str, ...]
    measure: Measuring
    variables: Callable[[argparse.Namespace], Mapping[str, str]] = limits


def measure_rest(
    service: RunningService, sheet: Sheet, options: argparse.Namespace
) -> Generator[None, None, None]:
    """Measure the REST API, with sockets that see what it does."""
    with ExitStack() as stack:
        http = stack.enter_context(closing(Peer(HttpLoad)))
        swarm = stack.enter_context(closing(Peer(Swarm)))
        progress("making users, follows and notifications")
        world = populate(
            Population(service, http),
            operations=options.operations,
            rounds=sheet.rounds + 1,
            people=options.people,
        )
        rounds = RestRounds(service, http, swarm, REQUESTS_WITHIN_S, options.connections)
        service.start_server()
        rounds.connect(world.connected)
        service.rest()
        held = [row for row in rows(world) if row.up_to is not None]
        whole = [row for row in rows(world) if row.up_to is None]
        yield
        for row in whole:
            sheet.fill(row.name, partial(rounds.measure, row), profiled_pid=service.server_pid)
            yield
        if not sheet.has_counts and not sheet.wants(*(row.name for row in held)):
            return
        with _counted(service) as tally:
            rounds.connect(world.connected)
            for row in held:
                measure = partial(rounds.measure_held, row, relay=tally)
                sheet.fill(row.name, measure, profiled_pid=service.server_pid)
            for row in whole if sheet.has_counts else ():
                sheet.count(row.name, partial(rounds.measure, row), tally)


def measure_fanout(
    service: RunningService, sheet: Sheet, options: argparse.Namespace
) -> Generator[None, None, None]:
    """Measure connecting, one listing to all, and listings at a pace to some of them each."""
    with _crowd(service, options.sockets) as crowd:
        rounds, pid = crowd.rounds, service.server_pid
        yield
        sheet.fill("connect", crowd.connect_anew, profiled_pid=pid)
        yield
        if not sheet.wants("connect"):
            rounds.connect_round()
        sheet.fill("connect-alone", crowd.connect_alone, profiled_pid=pid)
        yield
        sheet.fill("fanout", crowd.fan_out, profiled_pid=pid)
        yield
        sheet.row_bytes = service.mean_bytes("notifications")
        if sheet.wants("steady", "online"):
            group_ids = crowd.groups()
            for name, per_s in (("steady", 4), ("online", 5)):
                posting = [group_ids[at % len(group_ids)] for at in range(int(PACED_S * per_s))]
                sheet.fill(name, partial(_pace, rounds, posting, 1 / per_s), profiled_pid=pid)
                yield
        if not sheet.has_counts:
            return
        rounds.disconnect()
        with _counted(service) as tally:
            sheet.count("connect", lambda _: rounds.connect_round(), tally)
            if not sheet.wants("connect"):
                rounds.connect_round()
            sheet.count("fanout", crowd.fan_out, tally)


def measure_large_fanout(
    service: RunningService, sheet: Sheet, options: argparse.Namespace
) -> Generator[None, None, None]:
    """Measure one listing to as many sockets as the platform has; they connect once."""
    with _crowd(service, options.large) as crowd:
        pid = service.server_pid
        yield
        sheet.fill("connect-large", crowd.connect_anew, profiled_pid=pid, rounds=1)
        yield
        if not sheet.wants("connect-large"):
            crowd.rounds.connect_round()
        # Ten thousand sockets are pinged 333 times a second.
        service.rest()
        sheet.fill("fanout-large", crowd.fan_out, profiled_pid=pid)
        yield


def measure_deliveries(
    service: RunningService, sheet: Sheet, options: argparse.Namespace
) -> Generator[None, None, None]:
    """Measure one worker process, over an SMTP server and an FCM of its own."""
    with ExitStack() as stack:
        http = stack.enter_context(closing(Peer(HttpLoad)))
        mails = stack.enter_context(closing(Peer(MailSink)))
        pushes = stack.enter_context(closing(Peer(PushSink)))
        backlog = stack.enter_context(opened_backlog(service.settings))
        directory = service.settings.data_dir
        variables = {
            "SNB_EMAIL_URL": f"{mails.call(Open(directory)).result}?concurrency={EMAILS_IN_FLIGHT}",
            "SNB_PUSH_URL": pushes.call(Open(directory)).result,
        }
        sinks = {Channel.EMAIL: mails, Channel.PUSH: pushes}
        rounds = DeliveryRounds(service, Population(service, http), backlog, sinks)

        def send(channel: Channel, count: int, answer_s: float, _: int) -> dict[str, float]:
            return rounds.send_round(channel, count, answer_s=answer_s)

        send_pushes = partial(send, Channel.PUSH, options.pushes, PUSH_ANSWER_S)
        send_emails = partial(send, Channel.EMAIL, options.emails, MAIL_ANSWER_S)
        for sink in sinks.values():
            stack.callback(sink.call, Close())
        pid = service.start_worker(variables)
        for channel in sinks:
            rounds.send_round(channel, WARM_UP_DELIVERIES, answer_s=PUSH_ANSWER_S)
        service.rest()
        yield
        sheet.fill("pushes", send_pushes, profiled_pid=pid)
        yield
        sheet.fill("emails", send_emails, profiled_pid=pid)
        yield
        sheet.fill(
            "listings",
            lambda _: rounds.paced_round(
                LISTINGS, LISTING_FOLLOWERS, every_s=LISTING_EVERY_S, answer_s=PUSH_ANSWER_S
            ),
            profiled_pid=pid,
        )
        yield
        service.stop_worker()
        if not sheet.has_counts:
            return
        with tallied(str(service.settings.mongodb_uri)) as (tally, leading_there):
            service.start_worker({**variables, **leading_there})
            sheet.count("pushes", send_pushes, tally)
            sheet.count("emails", send_emails, tally)
            service.stop_worker()


PARTS = (
    Part(NAMES, measure_rest),
    Part(("connect", "connect-alone", "fanout", "steady", "online"), measure_fanout),
    Part(("connect-large", "fanout-large"), measure_large_fanout),
    # Who is reached once a day has caps to be looked at, and is not refused by them.
    Part(("pushes", "emails", "listings"), measure_deliveries, lambda _: {}),
)


@dataclass(frozen=True, slots=True)
class _Crowd:
    """Followers of one business, and what is repeated with them."""

    service: RunningService
    population: Population
    people: Sequence[Person]
    business_id: UUID
    rounds: FanoutRounds
    latecomers: FanoutRounds
    """With a client process of their own."""

    def connect_anew(self, number: int) -> dict[str, float]:
        """Connect everybody, who had been connected unless this is the first time."""
        if number:
            self.rounds.disconnect()
        return self.rounds.connect_round()

    def connect_alone(self, _: int) -> dict[str, float]:
        """Connect those who warmed up, one after the other, beside everybody else."""
        figures = self.latecomers.connect_round(at_once=1)
        self.latecomers.disconnect()
        return figures

    def fan_out(self, _: int) -> dict[str, float]:
        """Post a listing to everybody."""
        return self.rounds.fan_out_round(self.business_id)

    def groups(self) -> list[UUID]:
        """Return businesses that `FOLLOWERS` of them follow each, everybody one."""
        business_ids = self.population.businesses(len(self.people) // FOLLOWERS)
        for number, business_id in enumerate(business_ids):
            group = self.people[number * FOLLOWERS :][:FOLLOWERS]
            follow_directly(self.service.settings, group, business_id)
        return business_ids


def _pace(
    rounds: FanoutRounds, business_ids: Sequence[UUID], every_s: float, _: int
) -> dict[str, float]:
    return rounds.paced_round(business_ids, FOLLOWERS, every_s=every_s)


@contextmanager
def _crowd(service: RunningService, count: int) -> Iterator[_Crowd]:
    """Register `count` people who follow one business; the server is a fresh one, warmed up."""
    with ExitStack() as stack:
        http = stack.enter_context(closing(Peer(HttpLoad)))
        swarms = [[stack.enter_context(closing(Peer(Swarm)))] for _ in range(2)]
        population = Population(service, http)
        progress(f"making {count:,} users, who follow")
        people = register_directly(service.settings, count)
        warm = register_directly(service.settings, WARM_UP_SOCKETS)
        business_id, other_id = population.businesses(2)
        follow_directly(service.settings, people, business_id)
        follow_directly(service.settings, warm, other_id)
        service.start_server()
        latecomers = FanoutRounds(service, population, swarms[1], warm)
        latecomers.connect_round()
        latecomers.fan_out_round(other_id)
        latecomers.disconnect()
        service.rest()
        rounds = FanoutRounds(service, population, swarms[0], people)
        yield _Crowd(service, population, people, business_id, rounds, latecomers)


@contextmanager
def _counted(service: RunningService) -> Iterator[Peer]:
    """Start the server anew behind a tally, and stop it."""
    with tallied(str(service.settings.mongodb_uri)) as (tally, leading_there):
        service.start_server(leading_there)
        yield tally
        service.stop_server()
