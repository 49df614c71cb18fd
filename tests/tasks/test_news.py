"""What has ended or moved since somebody was told of it is not sent any more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from rules.kinds import Channel
from storage.listings import ListingChange, ListingDetails
from storage.pickups import PickupChange, PickupDetails, PickupStatus
from tests.tasks.works import Works

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


async def arrange(works: Works, order: str, *pickups: tuple[PickupStatus, datetime]) -> None:
    """Apply what is said of a pickup, one after the other."""
    now = works.clock.store_now()
    changes = [
        PickupChange(
            interaction_id=order,
            status=status,
            occurred_at=now + place * MINUTE,
            accepted_at=now,
            details=PickupDetails(
                user_id=uuid4(),
                business_id=uuid4(),
                order_number="7",
                pickup_time=at,
                pickup_location="here",
            )
            if status == "scheduled"
            else None,
        )
        for place, (status, at) in enumerate(pickups)
    ]
    await works.stores.pickups.apply(changes, at=now)


async def status(works: Works, kind: str, data: dict[str, Any]) -> tuple[str, str | None]:
    """Return how a push of `kind` stands that was waiting to be sent, and why."""
    person = await works.person()
    await works.device(person, uuid4().hex)
    ref = await works.queue(person, Channel.PUSH, kind=kind, data=data)
    await works.deliverer.carry_out(Channel.PUSH, [ref])
    state = await works.state(ref, Channel.PUSH)
    return state["status"], state.get("reason")


SENT = ("sent", None)
OUTDATED = ("suppressed", "no_longer_true")


@pytest.mark.parametrize("kind", ["pickup_reminder", "pickup_missed"])
async def test_of_a_pickup_only_what_is_still_so_is_sent(works: Works, kind: str) -> None:
    at = works.clock.store_now().replace(microsecond=0) + 9 * HOUR
    same, moved, completed, cancelled = (uuid4().hex for _ in range(4))
    await arrange(works, same, ("scheduled", at))
    await arrange(works, moved, ("scheduled", at), ("scheduled", at + HOUR))
    await arrange(works, completed, ("scheduled", at), ("completed", at))
    await arrange(works, cancelled, ("scheduled", at), ("cancelled", at))
    found = {
        order: await status(works, kind, {"interaction_id": order, "pickup_time": at.isoformat()})
        for order in (same, moved, completed, cancelled)
    }
    assert found == {same: SENT, moved: OUTDATED, completed: OUTDATED, cancelled: OUTDATED}


@pytest.mark.parametrize("data", [{}, {"interaction_id": 7}, {"interaction_id": "unknown"}])
async def test_of_what_is_unknown_all_is_so(works: Works, data: dict[str, Any]) -> None:
    assert await status(works, "pickup_reminder", data) == SENT


async def test_who_names_a_pickup_without_a_time_means_whenever_it_is(works: Works) -> None:
    order = uuid4().hex
    await arrange(works, order, ("scheduled", works.clock.store_now() + HOUR))
    assert await status(works, "pickup_reminder", {"interaction_id": order}) == SENT


async def test_other_kinds_may_name_a_pickup_that_is_over(works: Works) -> None:
    order, at = uuid4().hex, works.clock.store_now()
    await arrange(works, order, ("scheduled", at), ("completed", at))
    assert await status(works, "interaction_completed", {"interaction_id": order}) == SENT


@pytest.mark.parametrize("kind", ["new_listing", "listing_expiring"])
async def test_of_a_removed_listing_nothing_is_sent(works: Works, kind: str) -> None:
    now = works.clock.store_now()
    offered, removed = uuid4().hex, uuid4().hex
    details = ListingDetails(
        business_id=UUID(int=1),
        name="Bread",
        price="1",
        currency="ZAR",
        expiry_date=now + HOUR,
        pickup_location="here",
    )
    changes = [
        ListingChange(listing_id=each, occurred_at=now, accepted_at=now, details=details)
        for each in (offered, removed)
    ]
    changes.append(ListingChange(listing_id=removed, occurred_at=now + MINUTE, accepted_at=now))
    await works.stores.listings.apply(changes, at=now)
    assert await status(works, kind, {"listing_id": offered}) == SENT
    assert await status(works, kind, {"listing_id": removed}) == OUTDATED
    assert await status(works, kind, {"listing_id": "unknown"}) == SENT
