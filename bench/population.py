"""People, businesses and listings, told to the service as the platform would tell it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from bench.http_load import Load, Loaded, request
from bench.peers import Peer
from bench.service import RunningService, ServiceFailed
from server.auth import UserType
from server.tokens import mint

EVENTS = "/api/internal/events/"
EVENTS_AT_ONCE = 500
SEEDING_WITHIN_S = 240.0
FOLLOWING_AT_ONCE = 4
"""Follows of one business write one row of the store; more at once only wait for each other."""


@dataclass(frozen=True, slots=True)
class Person:
    """A registered customer."""

    id: UUID
    token: str


class Population:
    """Makes what is needed through the API, over the connections of `http`."""

    def __init__(self, service: RunningService, http: Peer) -> None:
        self._service = service
        self._http = http
        self.platform_token = mint(service.settings, uuid4(), UserType.SERVICE)

    def people(self, count: int) -> list[Person]:
        """Register customers with an email address."""
        ids = [uuid4() for _ in range(count)]
        self.tell(_registered(user_id, "customer") for user_id in ids)
        return [
            Person(user_id, mint(self._service.settings, user_id, UserType.CUSTOMER))
            for user_id in ids
        ]

    def businesses(self, count: int) -> list[UUID]:
        """Create businesses, each with a registered owner of its own."""
        owners = {uuid4(): uuid4() for _ in range(count)}
        self.tell(_registered(owner_id, "provider") for owner_id in owners.values())
        self.tell(
            event(
                "business.created",
                {"id": str(business_id), "owner_id": str(owner_id), "name": "Sunrise Bakery"},
            )
            for business_id, owner_id in owners.items()
        )
        return list(owners)

    def follow(self, people: Sequence[Person], business_id: UUID) -> float:
        """Have all `people` follow, each by a request of theirs; return the seconds it took."""
        load = self.send(
            [follow_request(person, business_id) for person in people],
            expected_status=201,
            connections=FOLLOWING_AT_ONCE,
        )
        return load.ended_s - load.began_s

    def tell(self, events: Iterable[dict[str, Any]]) -> None:
        """Tell the service of `events`, and wait until they are carried out."""
        told = list(events)
        self.send(
            [
                request(
                    "POST", EVENTS, self.platform_token, {"events": told[at : at + EVENTS_AT_ONCE]}
                )
                for at in range(0, len(told), EVENTS_AT_ONCE)
            ],
            expected_status=202,
        )
        self._service.settle()

    def send(
        self,
        requests: Sequence[bytes],
        *,
        expected_status: int,
        connections: int = 1,
        keeps_bodies: bool = False,
        every_s: float = 0.0,
    ) -> Loaded:
        """Send requests that all have to succeed; raises ServiceFailed."""
        settings = self._service.settings
        loaded: Loaded = self._http.call(
            Load(
                host=settings.host,
                port=self._service.port,
                connections=connections,
                requests=requests,
                expected_status=expected_status,
                deadline_s=SEEDING_WITHIN_S,
                keeps_bodies=keeps_bodies,
                every_s=every_s,
            )
        ).result
        if len(loaded.latencies_s) != len(requests):
            raise ServiceFailed(loaded.unexpected or "the data was not there in time")
        return loaded

    def unread_ids(self, person: Person, count: int) -> list[str]:
        """Return the ids of `count` unread notifications of `person`."""
        path = "/api/notifications/?is_read=false&page_size=100&page="
        pages = range(1, count // 100 + 2)
        loaded = self.send(
            [request("GET", f"{path}{page}", person.token) for page in pages],
            expected_status=200,
            keeps_bodies=True,
        )
        ids = [row["id"] for body in loaded.bodies for row in json.loads(body)["results"]]
        if len(ids) < count:
            raise ServiceFailed(f"{len(ids)} unread notifications where {count} were to be")
        return ids[:count]


def event(type_: str, data: dict[str, Any]) -> dict[str, Any]:
    """Return an event with an id of its own that happens now."""
    return {
        "id": str(uuid4()),
        "type": type_,
        "occurred_at": datetime.now(UTC).isoformat(),
        "data": data,
    }


def listing(business_id: UUID) -> dict[str, Any]:
    """Return a `listing.created`; its frame is about 950 bytes."""
    return event(
        "listing.created",
        {
            "listing_id": str(uuid4()),
            "business_id": str(business_id),
            "name": "Sourdough loaves and croissants",
            "description": "Yesterday's bake, still good for two days.",
            "price": "35.00",
            "expiry_date": (datetime.now(UTC) + timedelta(hours=6)).isoformat(),
            "pickup_location": "12 Long Street, Cape Town",
            "image_url": "https://images.example.org/sourdough.jpg",
        },
    )


def follow_request(person: Person, business_id: UUID) -> bytes:
    """Return the request by which `person` follows a business."""
    return request("POST", "/api/follow/", person.token, {"business_id": str(business_id)})


def _registered(user_id: UUID, user_type: str) -> dict[str, Any]:
    return event(
        "user.registered",
        {
            "id": str(user_id),
            "name": "Thandi Nkosi",
            "user_type": user_type,
            "email": f"{user_id}@example.org",
        },
    )
