from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.audience import Gap
from rules.ids import follow_id
from rules.slots import SLOTS, slot_of
from storage.follow_changes import FollowChange
from storage.follows import GAPS_KEPT, FollowsRepository, Recorded
from tests.storage.samples import MINUTE, NOON

if TYPE_CHECKING:
    from collections.abc import Collection

    from motor.motor_asyncio import AsyncIOMotorDatabase
    from tornado.ioloop import IOLoop

    from storage.client import Document
    from storage.stores import Stores


def a_change(
    revision: int, *, is_following: bool, user_id: UUID, business_id: UUID
) -> FollowChange:
    """Make the `revision`th change of a user, that many minutes after noon."""
    return FollowChange(
        token=uuid4(),
        user_id=user_id,
        user_type="ngo",
        business_id=business_id,
        at=NOON + revision * MINUTE,
        is_following=is_following,
        revision=revision,
    )


async def record(stores: Stores, change: FollowChange) -> Recorded:
    (recorded,) = await stores.follows.record([change])
    return recorded


async def test_a_follow_has_its_row(stores: Stores) -> None:
    user_id, business_id = uuid4(), uuid4()
    change = a_change(1, is_following=True, user_id=user_id, business_id=business_id)
    assert await record(stores, change) == Recorded(counts=1, is_first=True)
    found = await stores.follows.find(business_id, user_id)
    assert found is not None
    assert found.id == follow_id(business_id, user_id)
    assert (found.business_id, found.user_id) == (business_id, user_id)
    assert (found.user_type, found.slot) == ("ngo", slot_of(user_id))
    assert found.first_followed_at == found.followed_at == NOON + MINUTE
    assert found.gaps == ()


async def test_an_unfollow_hides_the_row_and_a_restore_remembers_the_gap(stores: Stores) -> None:
    user_id, business_id = uuid4(), uuid4()
    recorded = [
        await record(
            stores, a_change(number, is_following=follows, user_id=user_id, business_id=business_id)
        )
        for number, follows in [(1, True), (2, False)]
    ]
    assert await stores.follows.find(business_id, user_id) is None
    assert await stores.follows.find_many(user_id, [business_id]) == {}
    recorded.append(
        await record(
            stores, a_change(5, is_following=True, user_id=user_id, business_id=business_id)
        )
    )
    assert [each.counts for each in recorded] == [1, -1, 1]
    assert [each.is_first for each in recorded] == [True, False, False]
    found = (await stores.follows.find_many(user_id, [business_id, uuid4()]))[business_id]
    assert found.first_followed_at == NOON + MINUTE
    assert found.followed_at == NOON + 5 * MINUTE
    assert found.gaps == (Gap(NOON + 2 * MINUTE, NOON + 5 * MINUTE),)


async def test_only_the_last_gaps_are_kept(stores: Stores) -> None:
    user_id, business_id = uuid4(), uuid4()
    for number in range(1, 2 * GAPS_KEPT + 6):
        follows = number % 2 == 1
        await record(
            stores, a_change(number, is_following=follows, user_id=user_id, business_id=business_id)
        )
    found = await stores.follows.find(business_id, user_id)
    assert found is not None
    assert len(found.gaps) == GAPS_KEPT
    assert found.gaps[-1] == Gap(NOON + (number - 1) * MINUTE, NOON + number * MINUTE)


async def test_a_change_recorded_twice_counts_once(stores: Stores) -> None:
    user_id, business_id = uuid4(), uuid4()
    change = a_change(1, is_following=True, user_id=user_id, business_id=business_id)
    counts = [(await record(stores, change)).counts for _ in range(3)]
    assert counts == [1, 0, 0]


async def test_of_the_same_change_recorded_many_times_at_once_one_counts(stores: Stores) -> None:
    for _ in range(5):
        change = a_change(1, is_following=True, user_id=uuid4(), business_id=uuid4())
        recorded = await asyncio.gather(*(record(stores, change) for _ in range(6)))
        assert sorted(each.counts for each in recorded) == [0, 0, 0, 0, 0, 1]
        assert [each.counts for each in recorded if each.is_first] == [1]


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=st.permutations([1, 2, 3, 4, 5]), last=st.integers(1, 5))
def test_in_any_order_the_row_ends_with_the_last_change_and_the_counts_agree(
    io_loop: IOLoop, stores: Stores, order: list[int], last: int
) -> None:
    user_id, business_id = uuid4(), uuid4()

    async def run() -> tuple[int, int]:
        total = 0
        for number in (each for each in order if each <= last):
            follows = number % 2 == 1
            change = a_change(
                number, is_following=follows, user_id=user_id, business_id=business_id
            )
            total += (await record(stores, change)).counts
        return total, await stores.follows.count(business_id)

    total, rows = io_loop.run_sync(run)
    assert total == rows == last % 2


async def test_a_range_holds_the_active_follows_of_its_slots_and_no_others(
    stores: Stores,
) -> None:
    business_id, other = uuid4(), uuid4()
    users = [uuid4() for _ in range(40)]
    for user_id in users:
        for followed in (business_id, other):
            await record(
                stores, a_change(1, is_following=True, user_id=user_id, business_id=followed)
            )
    gone = users[0]
    await record(stores, a_change(2, is_following=False, user_id=gone, business_id=business_id))
    slots = sorted(slot_of(user_id) for user_id in users[1:])
    cut = slots[20]
    below = await stores.follows.range(business_id, slot_from=0, slot_to=cut)
    above = await stores.follows.range(business_id, slot_from=cut, slot_to=SLOTS)
    assert sorted(slot_of(follow.user_id) for follow in below) == [
        slot for slot in slots if slot < cut
    ]
    assert {follow.user_id for follow in below + above} == set(users) - {gone}
    assert len(below + above) == len(slots)
    assert len(await stores.follows.range(business_id, slot_from=0, slot_to=SLOTS, limit=7)) == 7


async def test_changes_recorded_together_are_recorded_one_after_the_other(stores: Stores) -> None:
    user_id, others, business_id = uuid4(), [uuid4() for _ in range(70)], uuid4()
    kept = a_change(1, is_following=True, user_id=others[0], business_id=business_id)
    await record(stores, kept)
    followed, left, back = (
        a_change(number, is_following=number != 2, user_id=user_id, business_id=business_id)
        for number in (1, 2, 3)
    )
    first = [
        a_change(1, is_following=True, user_id=each, business_id=business_id) for each in others
    ]
    recorded = await stores.follows.record([followed, left, back, *first])
    assert recorded[:4] == [
        Recorded(counts=1, is_first=True),
        Recorded(counts=-1, is_first=False),
        Recorded(counts=1, is_first=False),
        Recorded(counts=0, is_first=False),
    ]
    assert recorded[4:] == [Recorded(counts=1, is_first=True)] * 69
    assert await stores.follows.count(business_id) == 71
    assert await stores.follows.record([]) == []


async def test_of_restores_and_endings_recorded_at_once_each_counts_once(stores: Stores) -> None:
    """Several writers of the same rows: each is told by the store only how many it wrote."""
    business_id, users = uuid4(), [uuid4() for _ in range(8)]
    for user_id in users:
        await record(
            stores, a_change(1, is_following=True, user_id=user_id, business_id=business_id)
        )
    endings = [
        a_change(2, is_following=False, user_id=user_id, business_id=business_id)
        for user_id in users
    ]
    shares = [endings, endings[::-1], endings[2:6], endings[:1]]
    recorded = await asyncio.gather(*(stores.follows.record(share) for share in shares))
    assert sum(each.counts for share in recorded for each in share) == -8
    assert await stores.follows.count(business_id) == 0


class Vanishing(FollowsRepository):
    """Loses the rows that it has read, the first time, before they are written."""

    has_lost = False

    async def _rows(self, changes: Collection[FollowChange]) -> dict[UUID, Document]:
        rows = await super()._rows(changes)
        if not self.has_lost:
            self.has_lost = True
            await self._follows.delete_many({"_id": {"$in": list(rows)}})
        return rows


async def test_a_row_that_is_gone_before_it_is_written_is_made_anew(
    stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    user_id, business_id = uuid4(), uuid4()
    begun, ended = (
        a_change(number, is_following=number == 1, user_id=user_id, business_id=business_id)
        for number in (1, 2)
    )
    await record(stores, begun)
    assert await Vanishing(database).record([ended]) == [Recorded(counts=0, is_first=True)]
    again = a_change(3, is_following=True, user_id=user_id, business_id=business_id)
    assert await record(stores, again) == Recorded(counts=1, is_first=True)
