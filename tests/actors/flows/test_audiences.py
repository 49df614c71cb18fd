"""Audiences as streams of batches: each recipient once, from any cursor on."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

from actors.flows.audience import Audience, Stretch
from actors.flows.audiences import Audiences
from actors.flows.followers import FollowersOf
from actors.flows.segment_users import UsersOf
from rules.batching import BatchSizer
from rules.recipients import Recipient
from rules.segments import EVERYBODY, Segment
from rules.slots import SLOTS
from storage.positions import PositionClock
from storage.stores import Stores
from storage.users import ProfileChange
from tests.actors.conftest import cipher, clock, database, stores
from tests.storage.samples import NOON
from tests.support.seed import seed_followers

__all__ = ["cipher", "clock", "database", "stores"]


def followers(
    stores: Stores, business_id: UUID, *, count: int, most_in_range: int = 1_000
) -> Audience:
    return FollowersOf(
        stores.follows,
        stores.users,
        business_id,
        following_at=PositionClock().store_now() - timedelta(minutes=1),
        expected=count,
        most_in_range=most_in_range,
    )


async def read(
    audience: Audience, *, cursor: int = 0, rows: int = 100
) -> tuple[list[UUID], list[int]]:
    """Return the recipients of all batches, and the cursor after each."""
    sizer = BatchSizer()
    sizer.rows = rows
    recipients: list[UUID] = []
    cursors: list[int] = []
    async for batch in audience.batches(sizer, Stretch(cursor)):
        assert batch.rows >= len(batch.recipients)
        recipients += [recipient.user_id for recipient in batch.recipients]
        cursors.append(batch.next_cursor)
    return recipients, cursors


async def registered(stores: Stores, count: int, **said: str) -> list[UUID]:
    ids = [uuid4() for _ in range(count)]
    known = {"user_type": "customer", "timezone": "Africa/Lagos", **said}
    await stores.users.apply([ProfileChange(user_id, known, NOON) for user_id in ids])
    return ids


async def test_every_follower_is_in_exactly_one_batch(
    stores: Stores, mongodb_uri: str, database_name: str
) -> None:
    business_id = uuid4()
    ids = seed_followers(mongodb_uri, database_name, business_id, 300)
    recipients, cursors = await read(followers(stores, business_id, count=300), rows=50)
    assert sorted(recipients) == sorted(ids)
    assert len(cursors) > 1
    assert cursors == sorted(cursors)
    assert cursors[-1] == SLOTS


async def test_a_stream_goes_on_at_its_cursor(
    stores: Stores, mongodb_uri: str, database_name: str
) -> None:
    business_id = uuid4()
    ids = seed_followers(mongodb_uri, database_name, business_id, 100)
    audience = followers(stores, business_id, count=100)
    all_of_them, cursors = await read(audience, rows=30)
    rest, _ = await read(audience, rows=30, cursor=cursors[0])
    assert len(rest) < len(ids)
    assert rest == all_of_them[-len(rest) :]


async def test_a_stretch_ends_where_it_ends_by_then(
    stores: Stores, mongodb_uri: str, database_name: str
) -> None:
    business_id = uuid4()
    ids = seed_followers(mongodb_uri, database_name, business_id, 100)
    for audience, end in (
        (followers(stores, business_id, count=100), SLOTS),
        (Audiences(stores).named(ids), len(ids)),
    ):
        assert audience.end == end
        sizer, told = BatchSizer(), list[UUID]()
        sizer.rows = 10
        stretch = Stretch(end // 4, end // 4 * 3)
        async for batch in audience.batches(sizer, stretch):
            if not told:
                stretch.until = end // 2
            assert stretch.read_until == batch.next_cursor
            told += [each.user_id for each in batch.recipients]
        assert batch.next_cursor == end // 2
        rest = [
            each.user_id
            for begin, until in ((0, end // 4), (end // 2, end))
            async for batch in audience.batches(sizer, Stretch(begin, until))
            for each in batch.recipients
        ]
        assert sorted(told + rest) == sorted(ids)


async def test_a_count_that_is_far_too_low_is_found_out(
    stores: Stores, mongodb_uri: str, database_name: str
) -> None:
    business_id = uuid4()
    ids = seed_followers(mongodb_uri, database_name, business_id, 100)
    recipients, cursors = await read(followers(stores, business_id, count=0, most_in_range=20))
    assert sorted(recipients) == sorted(ids)
    assert len(cursors) > 1


async def test_a_single_slot_is_read_whole_however_many_it_holds(
    stores: Stores, mongodb_uri: str, database_name: str
) -> None:
    business_id = uuid4()
    seed_followers(mongodb_uri, database_name, business_id, 20)
    audience = followers(stores, business_id, count=10**9)
    recipients, cursors = await read(audience, cursor=SLOTS - 2)
    assert cursors == [SLOTS - 1, SLOTS]
    assert len(recipients) <= 20


async def test_nobody_follows_and_there_is_one_empty_batch(stores: Stores) -> None:
    assert await read(followers(stores, uuid4(), count=0)) == ([], [SLOTS])


async def test_every_user_of_a_segment_is_in_exactly_one_batch(stores: Stores) -> None:
    wanted = await registered(stores, 60, timezone="Asia/Kathmandu", locale="af-ZA")
    await registered(stores, 30, timezone="Asia/Kathmandu", locale="zu")
    await registered(stores, 30)
    segment = Segment(timezone="Asia/Kathmandu", locales=("af",))
    audience = await Audiences(stores).users(segment)
    recipients, cursors = await read(audience, rows=20)
    assert sorted(recipients) == sorted(wanted)
    assert len(cursors) > 2
    rest, _ = await read(audience, rows=7, cursor=cursors[1])
    assert set(rest) < set(recipients)
    assert sorted(rest) == sorted(recipients[-len(rest) :])


async def test_a_segment_that_is_larger_than_expected_is_read_in_parts(stores: Stores) -> None:
    wanted = await registered(stores, 60, user_type="ngo")
    segment = Segment(user_types=("ngo", "provider"))
    audience = UsersOf(stores.segments, segment, expected=0, most_in_range=20)
    recipients, cursors = await read(audience)
    assert set(wanted) <= set(recipients)
    assert len(recipients) == len(set(recipients))
    assert len(cursors) > 1


async def test_users_come_as_gates_want_to_see_them(stores: Stores) -> None:
    (user_id,) = await registered(stores, 1, timezone="Asia/Tokyo", email="anna@example.org")
    audience = await Audiences(stores).users(Segment(timezone="Asia/Tokyo"))
    (batch,) = [batch async for batch in audience.batches(BatchSizer())]
    known = await stores.users.recipients([user_id])
    assert list(batch.recipients) == [known[user_id]]
    assert isinstance(batch.recipients[0], Recipient)
    assert batch.recipients[0].has_email


async def test_named_users_are_told_once_each_where_they_are_known_and_of_the_segment(
    stores: Stores,
) -> None:
    wanted = await registered(stores, 25, user_type="ngo")
    others = await registered(stores, 5)
    named = [*wanted, *others, uuid4(), *wanted]
    audiences = Audiences(stores)
    audience = audiences.named(named, Segment(user_types=("ngo",)))
    recipients, cursors = await read(audience, rows=10)
    assert sorted(recipients) == sorted(wanted)
    assert cursors == [10, 20, 30, 31]
    rest, _ = await read(audience, rows=4, cursor=20)
    assert rest == [user_id for user_id in recipients if user_id in rest]
    everybody, _ = await read(audiences.named(named))
    assert sorted(everybody) == sorted(wanted + others)
    assert await read(audiences.named([], EVERYBODY)) == ([], [])
