"""What is measured of deliveries: a backlog is sent; listings are posted at a steady pace."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from uuid import UUID

from bench.backlog import Backlog, Reachable
from bench.direct_seeding import follow_directly
from bench.http_load import request
from bench.peers import Peer
from bench.population import EVENTS, Person, Population, listing
from bench.report import percentile
from bench.service import RunningService, ServiceFailed
from bench.sinks import Answer, Arrived, Await
from rules.kinds import Channel

ARRIVED_WITHIN_S = 90.0
WRITTEN_WITHIN_S = 30.0
POLL_S = 0.1
"""Seldom, because asking costs the store CPU that is in the figures."""


class DeliveryRounds:
    """What is repeated, over a service with one worker."""

    def __init__(
        self,
        service: RunningService,
        population: Population,
        backlog: Backlog,
        sinks: Mapping[Channel, Peer],
    ) -> None:
        self._service = service
        self._population = population
        self._backlog = backlog
        self._sinks = sinks

    def send_round(self, channel: Channel, count: int, *, answer_s: float) -> dict[str, float]:
        """Have the worker send `count`, against a provider that takes `answer_s` for each."""
        sink = self._sinks[channel]
        people = self._backlog.people(count)
        (business_id,) = self._businesses(1)
        refs = self._backlog.leave(channel, people, business_id)
        sink.call(Answer(answer_s))
        before = self._service.watched.read()
        began_s = time.monotonic()
        if self._backlog.queue(refs) != count:
            raise ServiceFailed("the job queue did not take everything")
        reply = sink.call(Await(count, ARRIVED_WITHIN_S))
        self._wait_for_the_worker()
        cpu = self._service.spent(before)
        arrived: Arrived = reply.result
        wanted = [person.destination(channel) for person in people]
        at_s = [arrived.at_s[each] for each in wanted if each in arrived.at_s]
        wall_s = max(at_s, default=float("nan")) + answer_s - began_s
        return {
            "operations": count,
            "per_s": len(at_s) / wall_s,
            "most_in_flight": arrived.most_in_flight,
            **{f"{name}_us": used / count * 1e6 for name, used in cpu.items()},
            "clients_us": reply.cpu_s / count * 1e6,
            "clients_percent": reply.cpu_s / wall_s * 100,
            "lost": count - len(at_s),
            "repeated": arrived.repeated,
        }

    def paced_round(
        self, events: int, followers: int, *, every_s: float, answer_s: float
    ) -> dict[str, float]:
        """Post a listing every `every_s`, each of another business, to `followers` of it."""
        groups = [
            self._followers(business_id, followers) for business_id in self._businesses(events)
        ]
        for sink in self._sinks.values():
            sink.call(Answer(answer_s))
        posted_s: dict[UUID, float] = {}
        began_s = time.monotonic()
        for number, (business_id, _) in enumerate(groups):
            time.sleep(max(0.0, began_s + number * every_s - time.monotonic()))
            body = listing(business_id)
            posted_s[business_id] = time.monotonic()
            token = self._population.platform_token
            self._population.send([request("POST", EVENTS, token, body)], expected_status=202)
        count = events * followers
        figures: dict[str, float] = {"operations": count, "lost": 0, "repeated": 0}
        last_s = began_s + events * every_s
        for channel, sink in self._sinks.items():
            arrived: Arrived = sink.call(Await(count, ARRIVED_WITHIN_S)).result
            last_s = max([last_s, *arrived.at_s.values()])
            after_ms = [
                (arrived.at_s[person.destination(channel)] - posted_s[business_id]) * 1e3
                for business_id, people in groups
                for person in people
                if person.destination(channel) in arrived.at_s
            ]
            figures[f"{channel.value}_p50_ms"] = percentile(after_ms, 50)
            figures[f"{channel.value}_p99_ms"] = percentile(after_ms, 99)
            figures["lost"] += count - len(after_ms)
            figures["repeated"] += arrived.repeated
        self._wait_for_the_worker()
        return {**figures, "per_min": count / (last_s - began_s) * 60}

    def _businesses(self, count: int) -> list[UUID]:
        """Create businesses, and wait until their owners have been welcomed."""
        made = self._population.businesses(count)
        self._wait_for_the_worker()
        return made

    def _followers(self, business_id: UUID, count: int) -> tuple[UUID, Sequence[Reachable]]:
        people = self._backlog.people(count)
        follow_directly(
            self._service.settings, [Person(person.id, "") for person in people], business_id
        )
        return business_id, people

    def _wait_for_the_worker(self) -> None:
        """Wait until it has written how everything ended."""
        ends_s = time.monotonic() + WRITTEN_WITHIN_S
        while self._backlog.unfinished():
            if time.monotonic() > ends_s:
                raise ServiceFailed("deliveries have not ended")
            time.sleep(POLL_S)
