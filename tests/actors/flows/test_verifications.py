"""What users are told of their verification."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from actors.flows.plan import NOTHING, Plan
from actors.flows.verifications import VerificationStatusChanged, verification_status
from storage.events import StoredEvent
from storage.positions import PositionClock
from storage.stores import Stores
from tests.storage.samples import MINUTE, NOON, an_event


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "verified"}, "The status of your verification is now: verified."),
        (
            {"status": "under_review", "reason": None},
            "The status of your verification is now: under review.",
        ),
        (
            {"status": "rejected", "reason": "The photo is blurred."},
            "The status of your verification is now: rejected. The photo is blurred.",
        ),
    ],
)
def test_the_text_says_how_it_stands_and_why(change: dict[str, Any], message: str) -> None:
    content = verification_status(change)
    assert (content.kind.name, content.message) == ("verification_status", message)
    assert content.data == {"status": change["status"], "reason": change.get("reason")}


def test_the_longest_reason_fits_into_a_message() -> None:
    content = verification_status({"status": "x" * 64, "reason": "y" * 1_000})
    assert len(content.message) == 1_000
    assert content.message.endswith("y…")


async def test_the_user_is_told_unless_something_newer_was_said(
    stores: Stores, clock: PositionClock
) -> None:
    flow = VerificationStatusChanged(stores.statuses, clock)
    user_id = uuid4()
    pending, verified = (_event(user_id, status) for status in ("pending", "verified"))
    (plan,) = await flow.plan([verified])
    assert isinstance(plan, Plan)
    assert plan.tells[0].recipient_ids == (user_id,)
    await flow.settle([verified], {})
    assert await flow.plan([pending]) == [NOTHING]


def _event(user_id: object, status: str) -> StoredEvent:
    return an_event(
        type="verification.status_changed",
        lane="single",
        data={"user_id": str(user_id), "status": status},
        occurred_at=NOON if status == "pending" else NOON + MINUTE,
    ).stored(NOON)
