"""What is repeated of a fan-out: everybody connects; one listing is posted, or many at a pace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from bench.account import kernel_s, rss_bytes
from bench.http_load import request
from bench.peers import Peer, Reply
from bench.population import EVENTS, Person, Population, listing
from bench.report import percentile
from bench.service import RunningService
from bench.swarm import Await, Connect, Connected, Disconnect, Expect, Report, Seen

CONNECTING_AT_ONCE = 50
FRAMES_WITHIN_S = 180.0
POSTING_AT_ONCE = 4
"""Connections of a pace, so that a slow answer does not put off what is posted next."""

MUST_BE_ZERO = ("lost", "repeated", "connections_lost")


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

    def connect_round(self, *, at_once: int = CONNECTING_AT_ONCE) -> dict[str, float]:
        """Connect everybody and return the figures; they stay connected."""
        service = self._service
        rss_before = self._server_bytes()
        before = service.watched.read()
        replies = self._all([self._connect(share, at_once) for share in self._shares])
        service.sockets += len(self._people)
        service.settle()
        cpu = service.spent(before)
        done: list[Connected] = [reply.result for reply in replies]
        latencies_ms = [s * 1e3 for each in done for s in each.latencies_s]
        wall_s = max(each.ended_s for each in done) - min(each.began_s for each in done)
        count = len(self._people)
        return {
            "operations": count,
            "per_s": count / wall_s,
            "p50_ms": percentile(latencies_ms, 50),
            "p99_ms": percentile(latencies_ms, 99),
            "rss_kib": (self._server_bytes() - rss_before) / 1024 / count,
            **{f"{name}_us": used / count * 1e6 for name, used in cpu.items()},
            **_of_clients(replies, count, wall_s),
        }

    def disconnect(self) -> None:
        """Close every socket."""
        self._all([Disconnect() for _ in self._swarms])
        self._service.sockets -= len(self._people)
        self._service.settle()

    def fan_out_round(self, business_id: UUID) -> dict[str, float]:
        """Post a listing to everybody and return the figures of its fan-out."""
        kernel_before_s = self._in_kernel_s()
        figures = self._posted([listing(business_id)], len(self._people), every_s=0.0)
        server_s = figures["server_us"] * figures["operations"] / 1e6
        kernel_percent = (self._in_kernel_s() - kernel_before_s) / server_s * 100
        return {**figures, "server_kernel_percent": kernel_percent}

    def paced_round(
        self, business_ids: Iterable[UUID], followers: int, *, every_s: float
    ) -> dict[str, float]:
        """Post a listing of each of `business_ids`, all with so many `followers`, at a pace."""
        listings = [listing(business_id) for business_id in business_ids]
        return self._posted(listings, followers, every_s=every_s)

    def _posted(
        self, listings: Sequence[dict[str, object]], followers: int, *, every_s: float
    ) -> dict[str, float]:
        """Post `listings` and return the figures of their messages."""
        service, population = self._service, self._population
        listing_ids = [_listing_id(each) for each in listings]
        count = len(listings) * followers
        self._all([Expect(listing_ids) for _ in self._swarms])
        before = service.watched.read()
        for swarm, share in zip(self._swarms, self._shares, strict=True):
            swarm.ask(Await(len(share) * count // len(self._people), FRAMES_WITHIN_S))
        posted = population.send(
            [request("POST", EVENTS, population.platform_token, each) for each in listings],
            expected_status=202,
            connections=POSTING_AT_ONCE if every_s else 1,
            every_s=every_s,
        )
        waited = [swarm.reply() for swarm in self._swarms]
        service.settle()
        cpu = service.spent(before)
        seen: list[Seen] = [reply.result for reply in self._all([Report() for _ in self._swarms])]
        after_ms: list[float] = []
        accepted_ms: list[float] = []
        for number, listing_id in enumerate(listing_ids):
            for at_s in (s for each in seen for s in each.at_s[listing_id.encode()]):
                after_ms.append((at_s - posted.began_s - number * every_s) * 1e3)
                accepted_ms.append(max(0.0, at_s - posted.answered_at_s[number]) * 1e3)
        arrivals_s = [s for each in seen for at_s in each.at_s.values() for s in at_s]
        last_s = max(arrivals_s, default=float("nan")) - posted.began_s
        # At a pace that is kept it is the pace that is told.
        wall_s = max(last_s, len(listings) * every_s)
        return {
            "operations": count,
            "per_s": len(after_ms) / wall_s,
            "first_ms": min(after_ms, default=float("nan")),
            "p50_ms": percentile(after_ms, 50),
            "p99_ms": percentile(after_ms, 99),
            "last_ms": max(after_ms, default=float("nan")),
            "accepted_p99_ms": percentile(accepted_ms, 99),
            "lost": count - sum(len(each.ids) for each in seen),
            "repeated": sum(each.repeated for each in seen),
            "connections_lost": sum(each.connections_lost for each in seen),
            **{f"{name}_us": used / count * 1e6 for name, used in cpu.items()},
            **_of_clients(waited, count, wall_s),
        }

    def _server_bytes(self) -> int:
        return sum(map(rss_bytes, self._service.server_pids))

    def _in_kernel_s(self) -> float:
        return sum(map(kernel_s, self._service.server_pids))

    def _connect(self, people: Sequence[Person], at_once: int) -> Connect:
        return Connect(
            host=self._service.settings.host,
            port=self._service.port,
            tokens=[person.token for person in people],
            at_once=max(1, at_once // len(self._swarms)),
        )

    def _all(self, requests: Sequence[object]) -> list[Reply]:
        """Ask every client process at once and return their replies."""
        for swarm, each in zip(self._swarms, requests, strict=True):
            swarm.ask(each)
        return [swarm.reply() for swarm in self._swarms]


def _of_clients(replies: Sequence[Reply], count: int, wall_s: float) -> dict[str, float]:
    """Return what the clients used, and the percentage of a core of the busiest of them."""
    return {
        "clients_us": sum(reply.cpu_s for reply in replies) / count * 1e6,
        "clients_percent": max(reply.cpu_s for reply in replies) / wall_s * 100,
    }


def _listing_id(event: dict[str, object]) -> str:
    data = event["data"]
    assert isinstance(data, dict)
    return str(data["listing_id"])
