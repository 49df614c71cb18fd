"""What is arranged for a pickup, from events in whatever order."""

from __future__ import annotations

from dataclasses import asdict
from itertools import permutations
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from storage.pickups import (
    KEPT,
    Pickup,
    PickupChange,
    PickupDetails,
)
from storage.standing import Standing, Telling
from tests.storage.samples import MINUTE, NOON

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from storage.client import Document
    from storage.stores import Stores

USER, BUSINESS = UUID(int=1), UUID(int=2)


def details(**changes: Any) -> PickupDetails:
    said: dict[str, Any] = {
        "user_id": USER,
        "business_id": BUSINESS,
        "order_number": "SNB-2025-12345",
        "pickup_time": NOON + 60 * MINUTE,
        "pickup_location": "12 Long Street",
        "contact_person": "John Smith",
        "contact_phone": "+27123456789",
        "confirmation_code": "ABC123",
        "items": [{"name": "Bread", "quantity": 2, "a.b": [1, None]}, "Milk"],
        "total_amount": "25.50",
    }
    return PickupDetails(**(said | changes))


def scheduled(
    order: str,
    minute: int,
    said: PickupDetails | None = None,
    *,
    accepted_at: datetime | None = None,
) -> PickupChange:
    return PickupChange(
        interaction_id=order,
        status="scheduled",
        occurred_at=NOON + minute * MINUTE,
        accepted_at=accepted_at or NOON + minute * MINUTE,
        details=said or details(),
    )


def ended(order: str, minute: int, status: Any) -> PickupChange:
    at = NOON + minute * MINUTE
    return PickupChange(interaction_id=order, status=status, occurred_at=at, accepted_at=at)


async def raw(stores: Stores, order: str) -> Document:
    row = await stores.pickups._pickups.find_one({"_id": order})
    assert row is not None
    return row


async def test_an_unknown_pickup_is_none(stores: Stores) -> None:
    assert await stores.pickups.find("unknown") is None


async def test_what_was_scheduled_comes_back_whole(stores: Stores) -> None:
    full, bare = (uuid4().hex for _ in range(2))
    least = details(
        contact_person=None,
        contact_phone=None,
        confirmation_code=None,
        items=None,
        total_amount=None,
    )
    await stores.pickups.apply([scheduled(full, 0), scheduled(bare, 0, least)], at=NOON)
    assert await stores.pickups.find(full) == Pickup(
        interaction_id=full, status="scheduled", details=details()
    )
    assert await stores.pickups.find(bare) == Pickup(
        interaction_id=bare, status="scheduled", details=least
    )


async def test_who_to_contact_and_the_code_are_encrypted(stores: Stores) -> None:
    order = uuid4().hex
    await stores.pickups.apply([scheduled(order, 0)], at=NOON)
    row = await raw(stores, order)
    for name, value in asdict(details()).items():
        is_secret = name in ("contact_person", "contact_phone", "confirmation_code")
        assert (row[name] != value) is is_secret
        assert isinstance(row[name], bytes) is is_secret


@pytest.mark.parametrize("order_of_events", list(permutations(range(3))))
async def test_the_newest_details_and_the_newest_status_win_in_any_order(
    order_of_events: Sequence[int], stores: Stores
) -> None:
    order = uuid4().hex
    later = details(pickup_time=NOON + 90 * MINUTE, contact_phone=None)
    changes = [scheduled(order, 0), scheduled(order, 1, later), ended(order, 2, "completed")]
    for place in order_of_events:
        await stores.pickups.apply([changes[place]], at=NOON)
    assert await stores.pickups.find(order) == Pickup(
        interaction_id=order, status="completed", details=later
    )


@pytest.mark.parametrize("is_in_order", [True, False])
async def test_what_is_scheduled_again_after_it_was_cancelled_is_on_again(
    stores: Stores, is_in_order: bool
) -> None:
    order = uuid4().hex
    changes = [scheduled(order, 0), ended(order, 1, "cancelled"), scheduled(order, 2)]
    if not is_in_order:
        changes.reverse()
    await stores.pickups.apply(changes, at=NOON)
    found = await stores.pickups.find(order)
    assert found is not None
    assert found.status == "scheduled"


async def test_an_end_that_comes_first_is_kept_without_details(stores: Stores) -> None:
    order = uuid4().hex
    await stores.pickups.apply([ended(order, 1, "completed")], at=NOON)
    assert await stores.pickups.find(order) == Pickup(
        interaction_id=order, status="completed", details=None
    )


async def test_a_row_outlives_its_pickup_and_its_events(stores: Stores) -> None:
    order = uuid4().hex
    await stores.pickups.apply([ended(order, 1, "cancelled")], at=NOON)
    assert (await raw(stores, order))["purge_at"] == NOON + KEPT
    await stores.pickups.apply([scheduled(order, 0)], at=NOON)
    assert (await raw(stores, order))["purge_at"] == NOON + 60 * MINUTE + KEPT
    await stores.pickups.apply([ended(order, 2, "cancelled")], at=NOON + MINUTE)
    assert (await raw(stores, order))["purge_at"] == NOON + 60 * MINUTE + KEPT


async def test_somebody_s_pickups_are_exported_in_clear(stores: Stores) -> None:
    user_id, mine, bare, others = uuid4(), *(uuid4().hex for _ in range(3))
    await stores.pickups.apply(
        [
            scheduled(mine, 0, details(user_id=user_id)),
            scheduled(bare, 0, details(user_id=user_id, contact_phone=None)),
            scheduled(others, 0),
        ],
        at=NOON,
    )
    rows = {row["_id"]: row async for rows in stores.pickups.exported(user_id) for row in rows}
    assert rows.keys() == {mine, bare}
    assert rows[mine]["contact_phone"] == "+27123456789"
    assert rows[mine]["confirmation_code"] == "ABC123"
    assert rows[bare]["contact_phone"] is None


async def standing(stores: Stores, order: str) -> Standing:
    return (await stores.pickups.standing([order]))[order]


async def test_a_pickup_stands_where_its_newest_events_say(stores: Stores) -> None:
    order = uuid4().hex
    assert await stores.pickups.standing([order]) == {}
    await stores.pickups.apply([scheduled(order, 1)], at=NOON)
    first = await standing(stores, order)
    assert (first.at, first.announced_at) == (NOON + 60 * MINUTE, NOON + MINUTE)
    await stores.pickups.apply([ended(order, 2, "cancelled")], at=NOON)
    second = await standing(stores, order)
    assert second.at is None
    assert second.revision == first.revision + 1


async def test_what_ended_before_it_was_told_of_is_not_on(stores: Stores) -> None:
    order = uuid4().hex
    await stores.pickups.apply([ended(order, 1, "completed"), scheduled(order, 0)], at=NOON)
    assert (await standing(stores, order)).at is None


@pytest.mark.parametrize(
    ("between", "again", "is_news"),
    [
        (None, details(contact_phone=None), False),
        (None, details(pickup_time=NOON + 90 * MINUTE), True),
        ("cancelled", details(), True),
        ("completed", details(), True),
    ],
)
async def test_it_is_announced_when_it_is_heard_that_it_is_on_at_another_time(
    stores: Stores, between: str | None, again: PickupDetails, is_news: bool
) -> None:
    order = uuid4().hex
    changes = [scheduled(order, 0)]
    if between is not None:
        changes.append(ended(order, 1, between))
    heard_at = NOON + 30 * MINUTE
    changes.append(scheduled(order, 2, again, accepted_at=heard_at))
    for change in changes:
        await stores.pickups.apply([change], at=NOON)
    assert (await standing(stores, order)).announced_at == (heard_at if is_news else NOON)


async def test_what_is_older_announces_nothing(stores: Stores) -> None:
    order = uuid4().hex
    older = scheduled(order, 1, details(pickup_time=NOON), accepted_at=NOON + 9 * MINUTE)
    await stores.pickups.apply([scheduled(order, 2), older], at=NOON)
    assert (await standing(stores, order)).announced_at == NOON + 2 * MINUTE


def telling(order: str, **changes: Any) -> Telling:
    values: dict[str, Any] = {
        "id": order,
        "what": "hour",
        "at": NOON + 60 * MINUTE,
        "event_key": uuid4(),
    }
    return Telling(**(values | changes))


async def test_a_reminder_is_told_by_one_event_however_often_it_is_carried_out(
    stores: Stores,
) -> None:
    order = uuid4().hex
    await stores.pickups.apply([scheduled(order, 0)], at=NOON)
    first, second = telling(order), telling(order)
    told = await stores.pickups.tell([first, second])
    assert told.keys() == {first.event_key}
    assert told[first.event_key].details == details()
    assert (await stores.pickups.tell([first])).keys() == {first.event_key}
    assert await stores.pickups.tell([second]) == {}
    assert (await standing(stores, order)).told == {"hour"}


async def test_each_reminder_and_each_time_is_told_of(stores: Stores) -> None:
    order = uuid4().hex
    await stores.pickups.apply([scheduled(order, 0)], at=NOON)
    hour, missed = telling(order), telling(order, what="missed")
    assert len(await stores.pickups.tell([hour, missed])) == 2
    moved = details(pickup_time=NOON + 90 * MINUTE)
    await stores.pickups.apply([scheduled(order, 1, moved)], at=NOON)
    assert (await standing(stores, order)).told == set()
    again = telling(order, at=moved.pickup_time)
    assert len(await stores.pickups.tell([again])) == 1
    assert (await standing(stores, order)).told == {"hour"}


async def test_of_what_is_not_on_at_the_time_nobody_is_told(stores: Stores) -> None:
    moved, over, unknown = (uuid4().hex for _ in range(3))
    later = details(pickup_time=NOON + 90 * MINUTE)
    await stores.pickups.apply(
        [scheduled(moved, 0, later), scheduled(over, 0), ended(over, 1, "completed")], at=NOON
    )
    assert await stores.pickups.tell([telling(moved), telling(over), telling(unknown)]) == {}
