"""Whom a campaign is for, against what a naive filter of everybody says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from motor.motor_asyncio import AsyncIOMotorDatabase
from tornado.ioloop import IOLoop

from actors.flows import audience_size
from actors.flows.audience import Audience, Stretch
from actors.flows.audience_size import AudienceSize, size_of
from actors.flows.audiences import Audiences
from actors.flows.followers_of_any import FollowersOfAny
from rules.batching import BatchSizer
from rules.ids import follow_id
from rules.segments import EVERYBODY
from rules.slots import slot_of
from storage.campaigns import CampaignAudience
from storage.client import Document
from storage.newcomers import newcomer
from storage.stores import Stores
from tests.actors.conftest import cipher, clock, database, stores
from tests.storage.samples import NOON

__all__ = ["cipher", "clock", "database", "stores"]

HOUR = timedelta(hours=1)
TYPES = ("customer", "ngo", "provider", "admin")
LOCALES = ("en", "en-ZA", "af", "af-ZA", "zu")
BUSINESSES = [UUID(int=1_000 + n) for n in range(3)]


@dataclass(frozen=True, slots=True)
class Somebody:
    """A user as the naive filter knows one."""

    id: UUID
    user_type: str
    locale: str
    active_at: datetime | None
    following: frozenset[UUID]


PEOPLE = [
    Somebody(
        id=UUID(int=n),
        user_type=TYPES[n % 4],
        locale=LOCALES[n % 5],
        active_at=None if n % 3 == 0 else NOON - (n % 7) * HOUR,
        following=frozenset(each for k, each in enumerate(BUSINESSES) if n % (k + 2) == 0),
    )
    for n in range(60)
]


@pytest.fixture
async def audiences(stores: Stores, database: AsyncIOMotorDatabase[Document]) -> Audiences:
    """Settle everybody anew."""
    for name in ("users", "follows", "businesses"):
        await database[name].delete_many({})
    for each in PEOPLE:
        known = newcomer(each.id, each.user_type)
        known["in_force"] = {"timezone": "Africa/Johannesburg", "locale": each.locale}
        known |= {"locale": each.locale, "following": list(each.following)}
        await database["users"].insert_one({"_id": each.id, **known})
        for business_id in each.following:
            await database["follows"].insert_one(a_follow(business_id, each.id))
    for business_id in BUSINESSES:
        count = sum(business_id in each.following for each in PEOPLE)
        await database["businesses"].insert_one({"_id": business_id, "followers_count": count})
    for each in PEOPLE:
        if each.active_at is not None:
            await stores.last_activity.note([each.id], at=each.active_at)
    return Audiences(stores)


def naive(wanted: CampaignAudience) -> list[UUID]:
    return [
        each.id
        for each in PEOPLE
        if (not wanted.user_types or each.user_type in wanted.user_types)
        and (not wanted.followers_of or each.following & set(wanted.followers_of))
        and (not wanted.user_ids or each.id in wanted.user_ids)
        and (
            not wanted.locales
            or any(
                each.locale == wish or each.locale.startswith(f"{wish}-") for wish in wanted.locales
            )
        )
        and (
            wanted.active_since is None
            or (each.active_at is not None and each.active_at >= wanted.active_since)
        )
    ]


def a_follow(business_id: UUID, user_id: UUID) -> dict[str, Any]:
    return {
        "_id": follow_id(business_id, user_id),
        "business_id": business_id,
        "user_id": user_id,
        "slot": slot_of(user_id),
        "user_type": "customer",
        "is_active": True,
        "first_followed_at": NOON,
        "followed_at": NOON,
        "gaps": [],
        "revision": 1,
    }


async def told(audience: Audience, *, cursor: int = 0, rows: int = 10) -> list[UUID]:
    sizer = BatchSizer()
    sizer.rows = rows
    return [
        recipient.user_id
        async for batch in audience.batches(sizer, Stretch(cursor))
        for recipient in batch.recipients
    ]


def some(values: Any, most: int) -> Any:
    return st.lists(st.sampled_from(values), max_size=most, unique=True)


AUDIENCES = st.builds(
    CampaignAudience,
    user_types=some(TYPES, 3),
    followers_of=some(BUSINESSES, 3),
    user_ids=st.one_of(st.just([]), some([UUID(int=n) for n in range(70)], 30)),
    locales=some(LOCALES, 2),
    active_since=st.one_of(st.none(), st.integers(0, 7).map(lambda n: NOON - n * HOUR)),
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(wanted=AUDIENCES)
def test_an_audience_is_who_meets_all_conditions_each_once(
    wanted: CampaignAudience, io_loop: IOLoop, audiences: Audiences
) -> None:
    async def read() -> tuple[list[UUID], AudienceSize]:
        audience = await audiences.campaign(wanted)
        return await told(audience), await size_of(audience)

    found, size = io_loop.run_sync(read)
    expected = naive(wanted)
    assert sorted(found) == expected
    assert (size.count, size.is_exact) == (len(expected), True)
    assert size.sample is None if not expected else size.sample.user_id in expected


async def test_a_stream_of_followers_goes_on_at_its_cursor(audiences: Audiences) -> None:
    audience = await audiences.campaign(CampaignAudience(followers_of=BUSINESSES))
    sizer = BatchSizer()
    sizer.rows = 10
    batches = [batch async for batch in audience.batches(sizer)]
    assert len(batches) > 2
    rest = await told(audience, cursor=batches[0].next_cursor, rows=25)
    first = [recipient.user_id for recipient in batches[0].recipients]
    assert sorted(first + rest) == naive(CampaignAudience(followers_of=BUSINESSES))


async def test_followers_of_more_than_was_expected_are_read_in_parts(stores: Stores) -> None:
    audience = FollowersOfAny(
        stores.follows, stores.segments, BUSINESSES, EVERYBODY, expected=0, most_in_range=15
    )
    assert sorted(await told(audience)) == naive(CampaignAudience(followers_of=BUSINESSES))


@pytest.mark.parametrize(
    "wanted",
    [CampaignAudience(), CampaignAudience(user_ids=[each.id for each in PEOPLE])],
    ids=["everybody", "named"],
)
async def test_of_many_the_size_is_estimated_from_a_share(
    wanted: CampaignAudience, audiences: Audiences, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audience_size, "READ_AT_ONCE", 20)
    size = await size_of(await audiences.campaign(wanted), most_read=20)
    assert not size.is_exact
    assert size.count == pytest.approx(len(PEOPLE), rel=0.5)
