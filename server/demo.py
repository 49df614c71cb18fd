"""The demo data: a few people and two bakeries, told over HTTP as the platform would tell them.

The ids are fixed, so telling it all again changes nothing.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from config.tls import TlsFiles
from server.auth import UserType
from server.probe import connection_to

REQUEST_TIMEOUT_S = 10.0
STORED_WITHIN_S = 15.0
"""Events are carried out soon after they were accepted, not at that moment."""
POLL_S = 0.1
OCCURRED_AT = "2026-01-05T08:00:00Z"
"""Before anything that happens to the demo data later, which therefore is not undone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoUser:
    """Somebody to sign in as; providers have a business."""

    id: UUID
    name: str
    user_type: UserType
    email: str
    business_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoBusiness:
    """A business to post listings for."""

    id: UUID
    owner_id: UUID
    name: str
    address: str
    rating: float


@dataclass(frozen=True, slots=True)
class Seeded:
    """What the service made of the demo data."""

    events_new: int
    follows_new: int


class SeedingFailed(Exception):
    """The running service did not take the demo data."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(f"{path}: {detail}")
        self.path = path
        self.detail = detail


TokenFor = Callable[[UUID, UserType], str]

DEMO_SERVICE_ID = UUID("5a5e0000-0000-4000-8000-000000000001")
"""The platform itself, as sender of events."""

_BAKERY = UUID("b0510000-0000-4000-8000-000000000001")
_GREENGROCER = UUID("b0510000-0000-4000-8000-000000000002")
_BAKER = UUID("09e40000-0000-4000-8000-000000000001")
_GROCER = UUID("09e40000-0000-4000-8000-000000000002")

DEMO_USERS = (
    DemoUser(
        id=UUID("c0510000-0000-4000-8000-000000000001"),
        name="Thandi Nkosi",
        user_type=UserType.CUSTOMER,
        email="thandi@demo.example",
    ),
    DemoUser(
        id=UUID("c0510000-0000-4000-8000-000000000002"),
        name="Pieter van Wyk",
        user_type=UserType.CUSTOMER,
        email="pieter@demo.example",
    ),
    DemoUser(
        id=UUID("c0510000-0000-4000-8000-000000000003"),
        name="Aisha Patel",
        user_type=UserType.CUSTOMER,
        email="aisha@demo.example",
    ),
    DemoUser(
        id=UUID("4e900000-0000-4000-8000-000000000001"),
        name="Ubuntu Kitchen",
        user_type=UserType.NGO,
        email="kitchen@demo.example",
    ),
    DemoUser(
        id=_BAKER,
        name="Nomsa Dlamini",
        user_type=UserType.PROVIDER,
        email="nomsa@demo.example",
        business_id=_BAKERY,
    ),
    DemoUser(
        id=_GROCER,
        name="Johan Botha",
        user_type=UserType.PROVIDER,
        email="johan@demo.example",
        business_id=_GREENGROCER,
    ),
)

DEMO_BUSINESSES = (
    DemoBusiness(
        id=_BAKERY,
        owner_id=_BAKER,
        name="Sunrise Bakery",
        address="12 Long Street, Cape Town",
        rating=4.7,
    ),
    DemoBusiness(
        id=_GREENGROCER,
        owner_id=_GROCER,
        name="Green Basket",
        address="8 Vilakazi Street, Soweto",
        rating=4.4,
    ),
)


def seed(
    base_url: str,
    token_for: TokenFor,
    *,
    keep_unfollowed: bool = False,
    tls: TlsFiles | None = None,
) -> Seeded:
    """Tell the service at `base_url` of the demo data; blocks until it is all there.

    With `keep_unfollowed` nobody follows anything again when the service knew the events already;
    with `tls` it must show that certificate. Raises SeedingFailed.
    """
    service = _Address(base_url, tls)
    status, answer = service.post(
        "/api/internal/events/",
        token_for(DEMO_SERVICE_ID, UserType.SERVICE),
        {"events": _events()},
    )
    if status != http.HTTPStatus.ACCEPTED:
        raise SeedingFailed("/api/internal/events/", f"answered {status}")
    if keep_unfollowed and not answer["accepted"]:
        return Seeded(0, 0)
    followers = [user for user in DEMO_USERS if user.user_type in {UserType.CUSTOMER, UserType.NGO}]
    follows_new = sum(
        _follow(service, token_for(user.id, user.user_type), business.id)
        for user in followers
        for business in DEMO_BUSINESSES
    )
    return Seeded(answer["accepted"], follows_new)


def _events() -> list[dict[str, Any]]:
    users = [
        {
            "id": f"demo-user-{user.id}",
            "type": "user.registered",
            "occurred_at": OCCURRED_AT,
            "data": {
                "id": str(user.id),
                "name": user.name,
                "user_type": user.user_type.value,
                "email": user.email,
                **({"business_id": str(user.business_id)} if user.business_id else {}),
            },
        }
        for user in DEMO_USERS
    ]
    businesses = [
        {
            "id": f"demo-business-{business.id}",
            "type": "business.created",
            "occurred_at": OCCURRED_AT,
            "data": {
                "id": str(business.id),
                "owner_id": str(business.owner_id),
                "name": business.name,
                "address": business.address,
                "rating": business.rating,
            },
        }
        for business in DEMO_BUSINESSES
    ]
    return [*users, *businesses]


def _follow(service: _Address, token: str, business_id: UUID) -> bool:
    """Follow once the business is stored; return whether that was news."""
    deadline = time.monotonic() + STORED_WITHIN_S
    while True:
        status, _ = service.post("/api/follow/", token, {"business_id": str(business_id)})
        if status in {http.HTTPStatus.CREATED, http.HTTPStatus.CONFLICT}:
            return status == http.HTTPStatus.CREATED
        if status != http.HTTPStatus.NOT_FOUND or time.monotonic() > deadline:
            raise SeedingFailed("/api/follow/", f"answered {status}")
        time.sleep(POLL_S)


@dataclass(frozen=True, slots=True)
class _Address:
    """Where the service is."""

    base_url: str
    tls: TlsFiles | None

    def post(self, path: str, token: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        """Return the status and the body of the answer. Raises SeedingFailed."""
        connection = connection_to(self.base_url, self.tls, timeout_s=REQUEST_TIMEOUT_S)
        try:
            connection.request(
                "POST",
                urlsplit(self.base_url).path.rstrip("/") + path,
                json.dumps(body),
                {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            )
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise SeedingFailed(path, str(error) or type(error).__name__) from None
        finally:
            connection.close()
