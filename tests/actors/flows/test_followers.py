"""The followers of a business as a stream of batches."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

from actors.flows.followers import follower_batches
from rules.batching import BatchSizer
from rules.slots import SLOTS
from storage.positions import PositionClock
from storage.stores import Stores
from tests.actors.conftest import cipher, clock, database, stores
from tests.support.seed import seed_followers

__all__ = ["cipher", "clock", "database", "stores"]


async def read(
    stores: Stores,
    business_id: UUID,
    *,
    count: int,
    first_slot: int = 0,
    rows: int = 100,
    most_in_range: int = 1_000,
) -> tuple[list[UUID], list[int]]:
    """Return the recipients of all batches, and the cursor after each."""
    sizer = BatchSizer()
    sizer.rows = rows
    batches = follower_batches(
        stores.follows,
        stores.users,
        business_id,
        followers_count=count,
        following_at=PositionClock().store_now() - timedelta(minutes=1),
        first_slot=first_slot,
        sizer=sizer,
        most_in_range=most_in_range,
    )
    recipients: list[UUID] = []
    cursors: list[int] = []
    async for batch in batches:
        recipients += [recipient.user_id for recipient in batch.recipients]
        cursors.append(batch.next_slot)
    return recipients, cursors


async def test_every_follower_is_in_exactly_one_batch(
    stores: Stores, mongodb_uri: str, database_name: str
) -> None:
    business_id = uuid4()
    ids = seed_followers(mongodb_uri, database_name, business_id, 300)
    recipients, cursors = await read(stores, business_id, count=300, rows=50)
    assert sorted(recipients) == sorted(ids)
    assert len(cursors) > 1
    assert cursors == sorted(cursors)
    assert cursors[-1] == SLOTS


async def test_a_stream_goes_on_at_its_cursor(
    stores: Stores, mongodb_uri: str, database_name: str
) -> None:
    business_id = uuid4()
    ids = seed_followers(mongodb_uri, database_name, business_id, 100)
    all_of_them, cursors = await read(stores, business_id, count=100, rows=30)
    rest, _ = await read(stores, business_id, count=100, rows=30, first_slot=cursors[0])
    assert len(rest) < len(ids)
    assert rest == all_of_them[-len(rest) :]


async def test_a_count_that_is_far_too_low_is_found_out(
    stores: Stores, mongodb_uri: str, database_name: str
) -> None:
    business_id = uuid4()
    ids = seed_followers(mongodb_uri, database_name, business_id, 100)
    recipients, cursors = await read(stores, business_id, count=0, most_in_range=20)
    assert sorted(recipients) == sorted(ids)
    assert len(cursors) > 1


async def test_a_single_slot_is_read_whole_however_many_it_holds(
    stores: Stores, mongodb_uri: str, database_name: str
) -> None:
    business_id = uuid4()
    seed_followers(mongodb_uri, database_name, business_id, 20)
    recipients, cursors = await read(stores, business_id, count=10**9, first_slot=SLOTS - 2)
    assert cursors == [SLOTS - 1, SLOTS]
    assert len(recipients) <= 20


async def test_nobody_follows_and_there_is_one_empty_batch(stores: Stores) -> None:
    assert await read(stores, uuid4(), count=0) == ([], [SLOTS])
