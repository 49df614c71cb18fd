"""What the owner of a business is told of a follow, and what failing to tell it means: nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from actors.connection import CloseCode
from actors.directory import Directory
from actors.messages import CountUnread
from actors.new_followers import NewFollowers
from actors.socket_events import SocketEvents
from storage.businesses import Business
from storage.client import StoreRefused
from storage.names import NameResolver
from storage.stores import Stores
from tests.storage.samples import a_business
from tests.support.actors import Away, RecordingBus, RecordingConnection, UserActors

SOON_S = 30.0


@pytest.fixture
async def directory(stores: Stores) -> AsyncIterator[Directory]:
    actors = UserActors(stores)
    made = Directory(actors.start)
    yield made
    await made.close_all(CloseCode.SERVER_RESTARTING, deadline_s=SOON_S)
    await actors.end()


@pytest.fixture
async def business(stores: Stores) -> Business:
    return await stores.businesses.get(await a_business(stores))


@pytest.fixture
async def owner(business: Business, directory: Directory) -> RecordingConnection:
    """Connect the owner of the business."""
    assert business.owner_id is not None
    connection = RecordingConnection()
    await directory.attach(business.owner_id, connection)
    return connection


def announcing(businesses: Any, stores: Stores, directory: Directory) -> NewFollowers:
    names = NameResolver(stores.users, stores.businesses)
    return NewFollowers(businesses, names, SocketEvents(directory, RecordingBus()))


async def handled(directory: Directory, user_id: UUID | None) -> None:
    """Wait until the user's actor has handled all that it was sent."""
    assert user_id is not None
    ref = directory.find(user_id)
    assert ref is not None
    await ref.request(CountUnread(), deadline_s=SOON_S)


async def test_somebody_whose_name_is_not_known_is_announced_without_one(
    stores: Stores, directory: Directory, business: Business, owner: RecordingConnection
) -> None:
    stranger = uuid4()
    await announcing(stores.businesses, stores, directory).announce(business, stranger, "ngo")
    await handled(directory, business.owner_id)
    assert owner.frames[-1] == {
        "type": "business.new_follower",
        "data": {
            "follower": {"id": str(stranger), "name": None, "user_type": "ngo"},
            "total_followers": 0,
        },
    }


async def test_while_the_store_is_away_the_follow_stands_and_nobody_is_told(
    stores: Stores, directory: Directory, business: Business, owner: RecordingConnection
) -> None:
    await announcing(Away(), stores, directory).announce(business, uuid4(), "ngo")
    await handled(directory, business.owner_id)
    assert owner.types == ["authentication_success"]


async def test_a_business_whose_owner_is_not_known_has_nobody_to_tell(
    stores: Stores, directory: Directory, business: Business
) -> None:
    # The store is not asked either.
    orphan = replace(business, owner_id=None)
    await announcing(Away(), stores, directory).announce(orphan, uuid4(), "ngo")


async def test_an_owner_who_is_surely_nowhere_is_not_looked_for(
    stores: Stores, directory: Directory, business: Business
) -> None:
    bus = RecordingBus()
    names = NameResolver(stores.users, stores.businesses)
    followers = NewFollowers(stores.businesses, names, SocketEvents(directory, bus))
    await followers.announce(business, uuid4(), "ngo")
    assert bus.sent == []
    assert bus.looked_for == []


async def test_of_owners_who_may_be_elsewhere_the_store_is_asked_when_they_are(
    stores: Stores, directory: Directory, business: Business
) -> None:
    asked: list[set[UUID]] = []

    class Businesses:
        async def find_many(self, ids: set[UUID]) -> Any:
            asked.append(ids)
            return await stores.businesses.find_many(ids)

    bus = RecordingBus()
    bus.is_alone = False
    names = NameResolver(stores.users, stores.businesses)
    businesses: Any = Businesses()
    followers = NewFollowers(businesses, names, SocketEvents(directory, bus))
    await followers.announce(business, uuid4(), "ngo")
    assert bus.looked_for == [business.owner_id]
    assert asked == []
    assert business.owner_id is not None
    bus.elsewhere = {business.owner_id}
    await followers.announce(business, uuid4(), "ngo")
    assert asked == [{business.id}]
    assert [sent.user_id for sent in bus.sent] == [business.owner_id]


async def test_of_follows_of_the_same_moment_each_owner_hears_of_their_own(
    stores: Stores, directory: Directory
) -> None:
    businesses = [await stores.businesses.get(await a_business(stores)) for _ in range(2)]
    for count, each in enumerate(businesses):
        await stores.businesses.count_followers({each.id: 5 + count})
    follows = [(business, uuid4()) for business in (*businesses, businesses[0])]
    connections = []
    for business in businesses:
        assert business.owner_id is not None
        connections.append(RecordingConnection())
        await directory.attach(business.owner_id, connections[-1])
    new_followers = announcing(stores.businesses, stores, directory)
    await asyncio.gather(*(new_followers.announce(*each, "ngo") for each in follows))
    for place, (business, connection) in enumerate(zip(businesses, connections, strict=True)):
        await handled(directory, business.owner_id)
        told = [frame["data"] for frame in connection.frames[1:]]
        assert [each["follower"]["id"] for each in told] == [
            str(user_id) for followed, user_id in follows if followed is business
        ]
        assert {each["total_followers"] for each in told} == {5 + place}


async def test_what_the_store_refuses_is_no_failure_of_the_follow(
    stores: Stores, directory: Directory, business: Business, owner: RecordingConnection
) -> None:
    class Refusing:
        async def find_many(self, ids: Any) -> Any:
            raise StoreRefused("no", None)

    await announcing(Refusing(), stores, directory).announce(business, uuid4(), "ngo")
    await handled(directory, business.owner_id)
    assert owner.types == ["authentication_success"]
