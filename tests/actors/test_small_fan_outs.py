"""How fan-outs to few share their round trips, and what becomes of those that turn out large."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from actors.flows.listings import ListingCreated
from actors.small_fan_outs import MOST_TOLD
from rules.events import Lane
from storage.client import StoreUnavailable
from storage.follow_changes import ChangeFollow
from storage.listings import ListingChange
from tests.actors.lanes.small_works import SmallWorks, listed, posted
from tests.actors.lanes.works import SOON_S, Works, works
from tests.storage.samples import MINUTE, NOON, a_business
from tests.support.seed import seed_followers
from tests.support.world import eventually

__all__ = ["works"]


@pytest.fixture
async def small(works: Works) -> SmallWorks:
    made = SmallWorks(works)
    works.lanes.add(Lane.FAN_OUT, lambda: works.supervisor.ref("small"))
    works.supervisor.start("small", made.start)
    return made


async def test_events_of_several_businesses_are_told_and_finished_together(
    small: SmallWorks,
) -> None:
    bakery, of_bakery = await small.followed_by(3)
    dairy, of_dairy = await small.followed_by(2)
    lonely = await a_business(small.stores)
    listing_id = uuid4().hex
    events = [
        posted(bakery),
        posted(dairy),
        posted(lonely),
        posted(uuid4()),
        listed(bakery, listing_id),
    ]
    done = await small.small.carry_out(await small.owned(*events))
    assert done == {event.key for event in events}
    assert [await small.told(event) for event in events] == [
        of_bakery,
        of_dairy,
        set(),
        set(),
        of_bakery,
    ]
    assert await small.works.states(*events) == ["done"] * 5
    assert small.works.tally.fan_out_batches == 3
    assert small.works.tally.fan_out_recipients == 8
    listing = await small.stores.listings.find(listing_id)
    assert listing is not None
    assert not listing.is_removed


async def test_done_again_nobody_is_told_again(small: SmallWorks) -> None:
    bakery, followers = await small.followed_by(3)
    event = posted(bakery)
    stored = await small.owned(event)
    for _ in range(2):
        await small.small.carry_out(stored)
    rows = await small.stores.notifications._rows.find({"event_id": event.key})
    assert sorted(row["recipient_id"] for row in rows) == sorted(followers)


async def test_what_is_told_by_one_insert_is_bounded(
    small: SmallWorks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.small_fan_outs.MOST_TOLD", 5)
    shops = [await small.followed_by(2) for _ in range(4)]
    events = [posted(business_id) for business_id, _ in shops]
    inserted: list[int] = []
    insert = small.stores.notifications.insert

    class Counted:
        async def insert(self, rows: Any) -> Any:
            inserted.append(len(rows))
            return await insert(rows)

    counted: Any = Counted()
    small.works.publisher._notifications = counted
    await small.small.carry_out(await small.owned(*events))
    assert inserted == [4, 4]
    assert [await small.told(event) for event in events] == [ids for _, ids in shops]


async def test_more_than_were_counted_do_not_make_an_insert_larger(
    small: SmallWorks, mongodb_uri: str, database_name: str
) -> None:
    shops = [await a_business(small.stores) for _ in range(2)]
    for business_id in shops:
        seed_followers(mongodb_uri, database_name, business_id, MOST_TOLD - 10)
        before = await small.stores.businesses.followers_count(business_id)
        await small.stores.businesses.correct_followers_count(
            business_id, 1, revision=before.revision
        )
    first, second = (posted(business_id) for business_id in shops)
    assert await small.small.carry_out(await small.owned(first, second)) == {first.key}
    assert [len(await small.told(each)) for each in (first, second)] == [MOST_TOLD - 10, 0]
    assert await small.works.states(first, second) == ["done", "pending"]


async def test_who_leaves_before_their_turn_is_not_told(small: SmallWorks) -> None:
    bakery, followers = await small.followed_by(3)
    leaves = followers.pop()

    async def leave() -> None:
        await small.stores.following.carry_out(
            [ChangeFollow(user_id=leaves, business_id=bakery, is_follow=False)]
        )

    small.updates.once_planned = leave
    event = posted(bakery)
    await small.small.carry_out(await small.owned(event))
    assert await small.told(event) == followers


async def test_a_listing_that_is_removed_already_is_told_to_nobody(small: SmallWorks) -> None:
    bakery, _ = await small.followed_by(2)
    removed, kept = uuid4().hex, uuid4().hex
    at = small.works.clock.store_now()
    change = ListingChange(listing_id=removed, occurred_at=NOON + MINUTE, accepted_at=at)
    await small.stores.listings.apply([change], at=at)
    events = [listed(bakery, removed), listed(bakery, kept)]
    done = await small.small.carry_out(await small.owned(*events))
    assert done == {event.key for event in events}
    assert [len(await small.told(event)) for event in events] == [0, 2]


async def test_only_what_was_not_begun_on_and_is_of_a_business_may_be_small(
    small: SmallWorks,
) -> None:
    def may(**changes: Any) -> bool:
        return small.small.may_take(replace(posted(uuid4()).stored(NOON), **changes))

    assert may()
    assert may(type="listing.created")
    assert isinstance(small.flows["listing.created"], ListingCreated)
    assert not may(cursor=0)
    assert not may(until=2_048)
    assert not may(attempts=1)
    assert not may(type="listing.expiring")
    assert not may(type="of another version")


@pytest.mark.parametrize("is_counted", [True, False], ids=["by the count", "by what is found"])
async def test_one_that_turns_out_large_is_told_by_itself(
    is_counted: bool, small: SmallWorks, mongodb_uri: str, database_name: str
) -> None:
    bakery, few = await small.followed_by(2)
    large = await a_business(small.stores)
    many = seed_followers(mongodb_uri, database_name, large, MOST_TOLD + 5)
    if not is_counted:
        before = await small.stores.businesses.followers_count(large)
        await small.stores.businesses.correct_followers_count(large, 0, revision=before.revision)
    events = [posted(bakery), posted(large)]
    await small.works.accept(*events)
    await small.works.reach("done", *events)
    assert await small.told(events[0]) == few
    assert await small.told(events[1]) == set(many)
    assert small.updates.asked == [2, 1]


async def test_one_that_fails_leaves_the_others_told(small: SmallWorks) -> None:
    bakery, followers = await small.followed_by(2)
    good, bad = posted(bakery), posted(bakery, title="bad")
    await small.works.accept(good, bad)
    await small.works.reach("done", good)
    await small.works.reach("unowned", bad)
    assert await small.told(good) == followers
    assert await small.told(bad) == set()


@pytest.mark.parametrize("fails", [1, 2])
async def test_what_was_told_before_or_beside_a_failure_is_not_told_again(
    fails: int, small: SmallWorks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.small_fan_outs.MOST_TOLD", 1)
    monkeypatch.setattr("actors.small_fan_outs.TOLD_AT_ONCE", 2)
    shops = [await small.followed_by(1) for _ in range(4)]
    events = [posted(business_id) for business_id, _ in shops]
    insert = small.stores.notifications.insert
    inserts = 0

    class Failing:
        async def insert(self, rows: Any) -> Any:
            nonlocal inserts
            inserts += 1
            if inserts == fails:
                raise StoreUnavailable("away")
            return await insert(rows)

    failing: Any = Failing()
    small.works.publisher._notifications = failing
    await small.works.accept(*events)
    await small.works.reach("done", *events)
    assert [await small.told(event) for event in events] == [ids for _, ids in shops]
    # The one beside it is done, and what would have come after it goes by itself.
    assert small.updates.asked == [4, 1, 1, 1]
    assert inserts == 5


async def test_when_the_store_was_away_each_is_tried_again_by_itself(small: SmallWorks) -> None:
    bakery, followers = await small.followed_by(2)
    small.updates.away = 1
    events = [posted(bakery), posted(bakery)]
    await small.works.accept(*events)
    await small.works.reach("done", *events)
    assert [await small.told(event) for event in events] == [followers, followers]
    assert small.updates.asked == [2, 1, 1]


async def test_room_is_given_back_and_told_of(small: SmallWorks) -> None:
    small.works.lanes._places[Lane.FAN_OUT].workload._limit = 2
    bakery, _ = await small.followed_by(1)
    events = [posted(bakery), posted(bakery)]
    await small.works.accept(*events)
    await small.works.reach("done", *events)

    async def has_room() -> bool:
        return len(small.works.lanes.workload(Lane.FAN_OUT)) == 0

    await eventually(has_room)
    assert small.works.rooms == 1


async def test_a_lane_that_stops_leaves_what_waits_to_others(small: SmallWorks) -> None:
    bakery, _ = await small.followed_by(1)
    events = [posted(bakery) for _ in range(120)]
    await small.works.accept(*events)
    await small.works.supervisor.stop_all(deadline_s=SOON_S)
    assert set(await small.works.states(*events)) <= {"unowned", "done"}
    assert "unowned" in await small.works.states(*events)


async def test_of_a_business_that_nobody_knows_nobody_is_told(small: SmallWorks) -> None:
    event = posted(uuid4())
    assert await small.small.carry_out(await small.owned(event)) == {event.key}
    assert await small.told(event) == set()
    assert await small.works.states(event) == ["done"]
