"""Post events, and say what the answer should be."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from tests.support.api import PLATFORM, Answer, Api, token
from tests.support.world import EVENTS, interaction, listing, pickup, review, user

SERVICE = token(PLATFORM, "service")
LEFT_OUT = object()


def shown(value: object) -> str:
    """Return `value` as it is named in a test's id."""
    return "left out" if value is LEFT_OUT else repr(value)[:32]


def data_of(event_type: str, **fields: Any) -> dict[str, Any]:
    """Return good data of `event_type` but for `fields`; what is LEFT_OUT is not there."""
    good = {
        "user.registered": user(uuid4()),
        "user.updated": {"id": str(uuid4())},
        "business.created": {"id": str(uuid4()), "owner_id": str(uuid4()), "name": "Mario's"},
        "business.updated": {"id": str(uuid4())},
        "listing.created": listing(uuid4()),
        "user.deleted": {"id": str(uuid4())},
        "listing.interest": {"listing_id": "770g", "user_id": str(uuid4())},
        "listing.removed": {"listing_id": "770g"},
        "pickup.scheduled": pickup(uuid4(), uuid4()),
        "pickup.completed": {"interaction_id": "770g"},
        "pickup.cancelled": {"interaction_id": "770g"},
        "interaction.status_changed": interaction(uuid4(), uuid4()),
        "review.created": review(uuid4(), uuid4()),
        "verification.status_changed": {"user_id": str(uuid4()), "status": "verified"},
    }[event_type]
    return {name: value for name, value in (good | fields).items() if value is not LEFT_OUT}


async def send(api: Api, body: Any, bearer: str = SERVICE) -> Answer:
    """Post `body` and return the answer."""
    return await api.post(EVENTS, bearer, body)


def taken(accepted: int, duplicates: int = 0) -> tuple[int, dict[str, int]]:
    """Return the outcome of events that were taken."""
    return 202, {"accepted": accepted, "duplicates": duplicates}


def outcome(answer: Answer) -> tuple[int, Any]:
    """Return the status and the body."""
    return answer.status, answer.body
