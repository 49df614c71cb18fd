"""The two phases of a fan-out measurement: everybody connects; a listing is posted to them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from uuid import UUID

from bench.account import kernel_s, rss_bytes, spent
from bench.http_load import request
from bench.peers import Peer, Reply
from bench.population import EVENTS, Person, Population, listing
from bench.report import percentile
from bench.service import RunningService
from bench.swarm import Await, Connect, Connected, Disconnect, Expect, Report, Seen

CONNECTING_AT_ONCE = 50
FRAMES_WITHIN_S = 60.0


class FanoutRounds:
    """What is repeated, over a service that is up and seeded."""

    def __init__(
        self,
        service: RunningService,
        population: Population,
        swarms: Sequence[Peer],
        people: Sequence[Person],
    ) -> None:
        self._service = service
        self._population = population
        self._swarms = swarms
        self._people = people
        self._shares = [people[at :: len(swarms)] for at in range(len(swarms))]

    def connect_round(self) -> dict[str, float]:
        """Connect everybody and return the figures; they stay connected."""
        service = self._service
        rss_before = rss_bytes(service.server_pid)
        before = service.watched.cpu()
        replies = self._all([self._connect(share) for share in self._shares])
        service.settle()
        cpu = spent(before, service.watched.cpu())
        done: list[Connected] = [reply.result for reply in replies]
        latencies_ms = [s * 1e3 for each in done for s in each.latencies_s]
        wall_s = max(each.ended_s for each in done) - min(each.began_s for each in done)
        count = len(self._people)
        return {
            "connects_per_s": count / wall_s,
            "connect_p50_ms": percentile(latencies_ms, 50),
            "connect_p99_ms": percentile(latencies_ms, 99),
            "rss_kib_a_connection": (rss_bytes(service.server_pid) - rss_before) / 1024 / count,
            **{f"{name}_us_a_connect": used / count * 1e6 for name, used in cpu.items()},
            "clients_us_a_connect": sum(reply.cpu_s for reply in replies) / count * 1e6,
        }

    def disconnect(self) -> None:
        """Close every socket."""
        self._all([Disconnect() for _ in self._swarms])
        self._service.settle()

    def fan_out_round(self, business_id: UUID) -> dict[str, float]:
        """Post a listing and return the figures of its fan-out."""
        service = self._service
        event = listing(business_id)
        self._all([Expect(event["data"]["listing_id"]) for _ in self._swarms])
        before, kernel_before_s = service.watched.cpu(), kernel_s(service.server_pid)
        for swarm, share in zip(self._swarms, self._shares, strict=True):
            swarm.ask(Await(len(share), FRAMES_WITHIN_S))
        posted_s = time.monotonic()
        self._population.send(
            [request("POST", EVENTS, self._population.platform_token, event)], expected_status=202
        )
        waited = [swarm.reply() for swarm in self._swarms]
        service.settle()
        cpu = spent(before, service.watched.cpu())
        in_kernel_s = kernel_s(service.server_pid) - kernel_before_s
        seen: list[Seen] = [reply.result for reply in self._all([Report() for _ in self._swarms])]
        count = len(self._people)
        at_ms = [(s - posted_s) * 1e3 for each in seen for s in each.at_s]
        reached = sum(len(each.frames_by_connection) for each in seen)
        return {
            "first_frame_ms": min(at_ms, default=float("nan")),
            "median_frame_ms": percentile(at_ms, 50),
            "p99_frame_ms": percentile(at_ms, 99),
            "last_frame_ms": max(at_ms, default=float("nan")),
            "messages_per_s": len(at_ms) / max(at_ms, default=float("nan")) * 1e3,
            "lost": count - reached,
            "duplicated": len(at_ms) - sum(len(each.ids) for each in seen),
            "connections_lost": sum(each.connections_lost for each in seen),
            **{f"{name}_us_a_message": used / count * 1e6 for name, used in cpu.items()},
            "server_kernel_percent": in_kernel_s / cpu["server"] * 100,
            "clients_us_a_message": sum(reply.cpu_s for reply in waited) / count * 1e6,
        }

    def _connect(self, people: Sequence[Person]) -> Connect:
        return Connect(
            host=self._service.settings.host,
            port=self._service.settings.port,
            tokens=[person.token for person in people],
            at_once=max(1, CONNECTING_AT_ONCE // len(self._swarms)),
        )

    def _all(self, requests: Sequence[object]) -> list[Reply]:
        """Ask every client process at once and return their replies."""
        for swarm, each in zip(self._swarms, requests, strict=True):
            swarm.ask(each)
        return [swarm.reply() for swarm in self._swarms]
