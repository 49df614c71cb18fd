"""People, businesses and listings, made as the platform makes them: by events and requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

from tests.support.api import PLATFORM, Answer, Api, token
from tests.support.sockets import Socket

T = TypeVar("T")
WITHIN_S = 60.0
"""Of what should happen at once: a deadline for a machine that is busy, and no measurement."""

STANDS_STILL_S = 60.0
"""After which nothing more is expected of many that get less."""

EVENTS = "/api/internal/events/"
NOTIFICATIONS = "/api/notifications/"
PREFERENCES = "/api/notifications/preferences/"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a token."""

    id: UUID
    token: str


@dataclass(frozen=True, slots=True)
class Shop:
    """A business and its owner."""

    id: UUID
    owner: Person


class World:
    """Makes things happen through the API of one process, seen on sockets of it or another one."""

    def __init__(self, api: Api, *, sockets_at: str | None = None) -> None:
        self.api = api
        self.sockets_at = sockets_at or api.base_url
        self.platform = token(PLATFORM, "service")
        self._sockets: list[Socket] = []

    def close(self) -> None:
        """Close what connections are left."""
        for socket in self._sockets:
            socket.close()

    async def event(self, type_: str, data: dict[str, Any], **envelope: Any) -> Answer:
        """Post one event and return the answer."""
        return await self.api.post(EVENTS, self.platform, event(type_, data, **envelope))

    async def events(self, events: list[dict[str, Any]]) -> Answer:
        """Post a batch and return the answer."""
        return await self.api.post(EVENTS, self.platform, {"events": events})

    async def person(self, user_type: str = "customer", **fields: Any) -> Person:
        """Register somebody."""
        user_id = uuid4()
        answer = await self.event("user.registered", user(user_id, user_type, **fields))
        assert answer.status == 202, answer.body
        return Person(user_id, token(user_id, user_type))

    async def people(self, count: int, user_type: str = "customer") -> list[Person]:
        """Register many at once."""
        ids = [uuid4() for _ in range(count)]
        for start in range(0, count, 500):
            answer = await self.events(
                [event("user.registered", user(id_, user_type)) for id_ in ids[start : start + 500]]
            )
            assert answer.status == 202, answer.body
        return [Person(id_, token(id_, user_type)) for id_ in ids]

    async def shop(self, **fields: Any) -> Shop:
        """Create a business with an owner."""
        owner = await self.person("provider")
        business_id = uuid4()
        data = {"id": str(business_id), "owner_id": str(owner.id), "name": "Mario's", **fields}
        answer = await self.event("business.created", data)
        assert answer.status == 202, answer.body
        await self.eventually(lambda: self._knows(business_id, owner))
        return Shop(business_id, owner)

    async def _knows(self, business_id: UUID, owner: Person) -> bool:
        """Tell whether the business can be followed, by asking for its followers."""
        bearer = token(owner.id, "provider", business_id=str(business_id))
        return (await self.api.get("/api/followers/", bearer)).status == 200

    async def follow(self, person: Person, shop: Shop) -> Answer:
        """Follow, as `person`."""
        answer = await self.api.post("/api/follow/", person.token, {"business_id": str(shop.id)})
        assert answer.status == 201, answer.body
        return answer

    async def follower(self, shop: Shop, user_type: str = "customer", **fields: Any) -> Person:
        """Register somebody who follows."""
        person = await self.person(user_type, **fields)
        await self.follow(person, shop)
        return person

    async def unfollow(self, person: Person, shop: Shop) -> None:
        """Unfollow, as `person`."""
        answer = await self.api.delete(f"/api/unfollow/{shop.id}/", person.token)
        assert answer.status == 200, answer.body

    async def prefer(self, person: Person, **changes: Any) -> dict[str, Any]:
        """Change preferences, as `person`, and return them all."""
        answer = await self.api.put(PREFERENCES, person.token, changes)
        assert answer.status == 200, answer.body
        preferences: dict[str, Any] = answer.body["preferences"]
        return preferences

    async def post_listing(self, shop: Shop, name: str = "Margherita", **fields: Any) -> str:
        """Post a listing and return its id; the fan-out goes on by itself."""
        data = listing(shop.id, name, **fields)
        answer = await self.event("listing.created", data)
        assert answer.status == 202, answer.body
        return str(data["listing_id"])

    async def send(
        self,
        recipient: Person | UUID,
        /,
        *,
        key: str | None = None,
        by: str | None = None,
        **fields: Any,
    ) -> Answer:
        """Send one notification to one user, as the platform, and return the answer."""
        headers = {} if key is None else {"Idempotency-Key": key}
        body = direct_send(recipient.id if isinstance(recipient, Person) else recipient, **fields)
        return await self.api.post(NOTIFICATIONS, by or self.platform, body, headers=headers)

    async def inbox(self, person: Person, query: str = "") -> dict[str, Any]:
        """Return a page of somebody's inbox."""
        answer = await self.api.get(f"/api/notifications/{query}", person.token)
        assert answer.status == 200, answer.body
        page: dict[str, Any] = answer.body
        return page

    async def told(self, person: Person, count: int = 1) -> list[dict[str, Any]]:
        """Wait until `person` has `count` notifications and return them, newest first."""

        async def enough() -> list[dict[str, Any]]:
            page = await self.inbox(person, "?page_size=100")
            found: list[dict[str, Any]] = page["results"]
            return found if len(found) >= count else []

        found = await self.eventually(enough)
        assert len(found) == count
        return found

    async def connect(self, person: Person) -> Socket:
        """Open an authenticated connection."""
        socket = await Socket.authenticated(self.sockets_at, person.token)
        self._sockets.append(socket)
        return socket

    async def connect_as(self, user_id: UUID) -> Socket:
        """Open an authenticated connection of a customer who need not be registered."""
        return await self.connect(Person(user_id, token(user_id)))

    async def eventually(self, check: Callable[[], Awaitable[T]]) -> T:
        """Ask again until the answer is true, for at most ten seconds."""
        return await eventually(check)


async def eventually(check: Callable[[], Awaitable[T]], within_s: float = WITHIN_S) -> T:
    """Ask again, every 20 ms, until the answer is true."""
    ends = time.monotonic() + within_s
    while not (answer := await check()):
        assert time.monotonic() < ends, "did not happen in time"
        await asyncio.sleep(0.02)
    return answer


async def none_left(
    count: Callable[[], Awaitable[int]], *, stands_still_s: float = STANDS_STILL_S
) -> None:
    """Wait until `count` is 0, however long it takes, as long as it gets less."""
    least, ends = await count(), time.monotonic() + stands_still_s
    while least:
        assert time.monotonic() < ends, f"{least} are left, and none of them moves"
        await asyncio.sleep(0.1)
        if (left := await count()) < least:
            least, ends = left, time.monotonic() + stands_still_s


def event(type_: str, data: dict[str, Any], **envelope: Any) -> dict[str, Any]:
    """Return an event with an id of its own that happened now."""
    return {
        "id": str(uuid4()),
        "type": type_,
        "occurred_at": datetime.now(UTC).isoformat(),
        "data": data,
        **envelope,
    }


def user(user_id: UUID, user_type: str = "customer", **fields: Any) -> dict[str, Any]:
    """Return the data of a `user.registered`."""
    return {
        "id": str(user_id),
        "name": "Thandi Nkosi",
        "user_type": user_type,
        "email": f"{user_id}@example.org",
        **fields,
    }


def listing(business_id: UUID, name: str = "Margherita", **fields: Any) -> dict[str, Any]:
    """Return the data of a `listing.created`."""
    return {
        "listing_id": str(uuid4()),
        "business_id": str(business_id),
        "name": name,
        "price": "12.50",
        "expiry_date": (datetime.now(UTC) + timedelta(hours=6)).isoformat(),
        "pickup_location": "12 Long Street, Cape Town",
        **fields,
    }


def review(business_id: UUID, reviewer_id: UUID, **fields: Any) -> dict[str, Any]:
    """Return the data of a `review.created`."""
    return {
        "review_id": str(uuid4()),
        "business_id": str(business_id),
        "reviewer_id": str(reviewer_id),
        "rating": 4,
        **fields,
    }


def direct_send(recipient_id: UUID, /, **fields: Any) -> dict[str, Any]:
    """Return what one sends to one user; a field that is `...` is left out."""
    body = {
        "recipient_id": str(recipient_id),
        "notification_type": "interaction_confirmed",
        "title": "Order confirmed",
        "message": "Your order is ready at noon.",
        **fields,
    }
    return {name: value for name, value in body.items() if value is not ...}


def interaction(business_id: UUID, customer_id: UUID, **fields: Any) -> dict[str, Any]:
    """Return the data of an `interaction.status_changed`."""
    return {
        "interaction_id": str(uuid4()),
        "business_id": str(business_id),
        "customer_id": str(customer_id),
        "old_status": "pending",
        "new_status": "confirmed",
        **fields,
    }


def pickup(business_id: UUID, user_id: UUID, **fields: Any) -> dict[str, Any]:
    """Return the data of a `pickup.scheduled`, of tomorrow."""
    return {
        "interaction_id": str(uuid4()),
        "user_id": str(user_id),
        "business_id": str(business_id),
        "order_number": "SNB-2025-12345",
        "pickup_time": (datetime.now(UTC) + timedelta(days=1)).isoformat(),
        "pickup_location": "12 Long Street, Cape Town",
        **fields,
    }
