from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from rules.opt_outs import Way
from storage.opt_outs import KEPT_FOR, MOST_NOTED
from storage.users import ProfileChange
from tests.storage.samples import MINUTE, NOON

if TYPE_CHECKING:
    from datetime import datetime

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.stores import Stores

BY_HAND, BY_LINK = Way.SWITCHED_OFF, Way.UNSUBSCRIBED


@pytest.fixture
def at() -> datetime:
    """Return a time of the test's own."""
    return NOON + timedelta(days=uuid4().int % 5_000)


async def change(stores: Stores, user_id: UUID, at: datetime, **changes: Any) -> None:
    await stores.users.change_preferences(user_id, changes, user_type="customer", at=at)


async def counted(stores: Stores, at: datetime) -> Counter[tuple[str, Way]]:
    return await stores.opt_outs.count(at, at + timedelta(hours=1))


async def test_what_was_on_and_is_off_counts_and_what_was_off_does_not(
    stores: Stores, at: datetime
) -> None:
    user_id = uuid4()
    off = {"email_notifications": False, "promotional_notifications": False}
    for _ in range(2):
        await change(stores, user_id, at, **off, weekly_digest=True, mute_all=False)
    assert await counted(stores, at) == {("email", BY_HAND): 1}
    await change(stores, user_id, at, email_notifications=True, promotional_notifications=True)
    await change(stores, user_id, at, **off)
    assert await counted(stores, at) == {("email", BY_HAND): 2, ("promotional", BY_HAND): 1}


async def test_what_is_muted_in_addition_counts(stores: Stores, at: datetime) -> None:
    user_id = uuid4()
    await change(stores, user_id, at, muted_types=["welcome"], muted_businesses=["b1", "b2"])
    await change(stores, user_id, at, muted_types=["welcome", "promotional"], muted_businesses=[])
    await change(stores, user_id, at, muted_types=["promotional"], muted_businesses=["b2"])
    assert await counted(stores, at) == {
        ("welcome", BY_HAND): 1,
        ("promotional", BY_HAND): 1,
        ("business", BY_HAND): 3,
    }


async def test_a_link_counts_for_itself_and_only_for_somebody_who_is_known(
    stores: Stores, at: datetime
) -> None:
    user_id = uuid4()
    await stores.users.apply([ProfileChange(user_id, {"name": "Anna"}, NOON)])
    for is_on in (False, False, True, False):
        for person in (user_id, uuid4()):
            await stores.users.switch(person, "email_notifications", is_on=is_on, at=at)
    await change(stores, user_id, at, email_notifications=False)
    assert await counted(stores, at) == {("email", BY_LINK): 2}


async def test_of_all_who_switch_at_once_one_switches_off(stores: Stores, at: datetime) -> None:
    user_id = uuid4()
    await change(stores, user_id, at, mute_all=False)
    await asyncio.gather(*(change(stores, user_id, at, mute_all=True) for _ in range(8)))
    assert await counted(stores, at) == {("all", BY_HAND): 1}


async def test_gathering_changes_no_count_and_keeps_nobody(
    stores: Stores, at: datetime, database: AsyncIOMotorDatabase[Document]
) -> None:
    people = [uuid4() for _ in range(3)]
    for person in people:
        await change(stores, person, at, push_notifications=False, mute_all=True)
    before = await counted(stores, at)
    assert await stores.opt_outs.gather(before=at + MINUTE) >= 6
    assert await counted(stores, at) == before == {("push", BY_HAND): 3, ("all", BY_HAND): 3}
    for person in people:
        user = await database["users"].find_one({"_id": person})
        assert user is not None
        assert "opt_outs" not in user
    rows = await database["opt_outs"].find({"at": at}).to_list(None)
    assert [row.keys() for row in rows] == 6 * [{"_id", "at", "what", "way", "purge_at"}]
    assert {row["purge_at"] for row in rows} == {at + KEPT_FOR}


async def test_what_a_killed_gathering_left_in_both_places_counts_once(
    stores: Stores, at: datetime, database: AsyncIOMotorDatabase[Document]
) -> None:
    user_id = uuid4()
    await change(stores, user_id, at, sms_notifications=False)
    user = await database["users"].find_one({"_id": user_id})
    await stores.opt_outs.gather(before=at + MINUTE)
    assert user is not None
    await database["users"].replace_one({"_id": user_id}, user)
    assert await counted(stores, at) == {("sms", BY_HAND): 1}
    assert await stores.opt_outs.gather(before=at + MINUTE) == 1
    assert await counted(stores, at) == {("sms", BY_HAND): 1}


async def test_two_may_gather_at_once(stores: Stores, at: datetime) -> None:
    for _ in range(5):
        await change(stores, uuid4(), at, weekly_digest=False)
    await asyncio.gather(*(stores.opt_outs.gather(before=at + MINUTE) for _ in range(2)))
    assert await counted(stores, at) == {("weekly_digest", BY_HAND): 5}


async def test_only_that_time_counts_gathered_or_not(stores: Stores, at: datetime) -> None:
    hour = timedelta(hours=1)
    for switched_at in (at - MINUTE, at, at + hour):
        await change(stores, uuid4(), switched_at, mute_all=True)
    assert await counted(stores, at) == {("all", BY_HAND): 1}
    await stores.opt_outs.gather(before=at + 2 * hour)
    assert await counted(stores, at) == {("all", BY_HAND): 1}


async def test_the_notes_of_one_user_are_bounded(
    stores: Stores, at: datetime, database: AsyncIOMotorDatabase[Document]
) -> None:
    user_id = uuid4()
    for round_ in range(2):
        ids = [str(UUID(int=100 * round_ + n)) for n in range(MOST_NOTED - 1)]
        await change(stores, user_id, at + round_ * MINUTE, muted_businesses=ids)
    user = await database["users"].find_one({"_id": user_id})
    assert user is not None
    assert len(user["opt_outs"]) == MOST_NOTED


async def test_preferences_are_set_as_they_are_without_an_opt_out(
    stores: Stores, at: datetime
) -> None:
    user_id = uuid4()
    changes = {"mute_all": True, "locale": "af", "quiet_hours": {"start": "21:30"}}
    await change(stores, user_id, at, **changes, muted_types=["welcome"])
    preferences = await stores.users.preferences(user_id)
    assert preferences.mute_all
    assert preferences.muted_types == ("welcome",)
    assert (preferences.locale, preferences.quiet_hours.start.hour) == ("af", 21)
    assert preferences.quiet_hours.end.hour == 7
