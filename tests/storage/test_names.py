from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from storage.businesses import (
    Business,
    BusinessChange,
    BusinessesRepository,
    BusinessNotFound,
)
from storage.names import KEPT_S, UNKNOWN_FOR_S, NameResolver
from storage.users import ProfileChange
from tests.storage.samples import MINUTE, NOON, a_business, a_row

if TYPE_CHECKING:
    from collections.abc import Collection

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.stores import Stores


async def test_names_are_kept_for_a_minute_unless_forgotten(stores: Stores) -> None:
    now_s = 0.0
    resolver = NameResolver(stores.users, stores.businesses, timer=lambda: now_s)
    user_id, unknown, business_id = uuid4(), uuid4(), await a_business(stores)

    async def rename(name: str, minutes: int) -> None:
        at = NOON + minutes * MINUTE
        await stores.users.apply([ProfileChange(user_id, {"name": name}, at)])
        await stores.businesses.apply([BusinessChange(business_id, {"name": name}, at)])

    async def names() -> tuple[str | None, str]:
        found = await resolver.resolve(users=[user_id, None, unknown], businesses=[business_id])
        assert found.users.keys() == {user_id}
        return found.users[user_id].name, found.businesses[business_id].name

    await rename("First", 1)
    assert await names() == ("First", "First")
    await rename("Second", 2)
    assert await names() == ("First", "First")
    resolver.forget([user_id, business_id, unknown])
    assert await names() == ("Second", "Second")
    await rename("Third", 3)
    now_s = KEPT_S + 1
    assert await names() == ("Third", "Third")


async def test_who_is_unknown_is_looked_for_again_in_a_moment_or_when_told_of(
    stores: Stores,
) -> None:
    now_s = 0.0
    resolver = NameResolver(stores.users, stores.businesses, timer=lambda: now_s)
    first, second = uuid4(), uuid4()

    async def known() -> set[UUID]:
        return set((await resolver.resolve(users=[first, second])).users)

    assert await known() == set()
    for user_id in (first, second):
        await stores.users.apply([ProfileChange(user_id, {"name": "Anna"}, NOON)])
    assert await known() == set()
    resolver.forget([first])
    assert await known() == {first}
    now_s = UNKNOWN_FOR_S + 1
    assert await known() == {first, second}


async def test_nothing_asked_is_nothing_found(stores: Stores) -> None:
    resolver = NameResolver(stores.users, stores.businesses)
    found = await resolver.resolve(users=[None])
    assert (found.users, found.businesses) == ({}, {})


async def test_rows_are_from_people_and_businesses_and_some_from_nobody(stores: Stores) -> None:
    resolver = NameResolver(stores.users, stores.businesses)
    sender_id, business_id = uuid4(), await a_business(stores)
    await stores.users.apply([ProfileChange(sender_id, {"name": "Anna"}, NOON)])
    found = await resolver.of(
        [
            a_row(uuid4(), sender_id=sender_id, business_id=None),
            a_row(uuid4(), sender_id=None, business_id=business_id),
        ]
    )
    assert [name.name for name in found.users.values()] == ["Anna"]
    assert list(found.businesses) == [business_id]


async def test_a_business_is_known_by_name_or_not_at_all(stores: Stores) -> None:
    resolver = NameResolver(stores.users, stores.businesses)
    business_id, unknown = await a_business(stores), uuid4()
    assert (await resolver.business(business_id)).name == "Corner Bakery"
    with pytest.raises(BusinessNotFound) as caught:
        await resolver.business(unknown)
    assert caught.value.business_id == unknown


class Recorded(BusinessesRepository):
    """Keeps which businesses are looked for together."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        super().__init__(database)
        self.asked: list[set[UUID]] = []

    async def find_many(self, ids: Collection[UUID]) -> dict[UUID, Business]:
        self.asked.append(set(ids))
        return await super().find_many(ids)


async def test_who_asks_for_businesses_in_the_same_moment_shares_a_look_up(
    stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    businesses = Recorded(database)
    resolver = NameResolver(stores.users, businesses)
    ids = [await a_business(stores) for _ in range(3)]
    found = await asyncio.gather(*map(resolver.business, [*ids, *ids]))
    assert [business.id for business in found] == [*ids, *ids]
    assert (await resolver.business(ids[0])).id == ids[0]
    assert businesses.asked == [set(ids)]
