"""Who marks in the same moment shares a round trip, and each is told what turned for them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from storage.client import open_client
from storage.read_marks import FEW_IDS
from storage.stores import open_stores
from tests.storage.recorded import Recorded
from tests.storage.samples import NOON, SECOND, a_row

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.encryption import FieldCipher
    from storage.positions import PositionClock
    from storage.stores import Stores

LATER = NOON + 60 * SECOND


async def inserted(stores: Stores, *owners: UUID, **changes: Any) -> list[UUID]:
    """Insert a row for each of `owners`, and return their ids."""
    rows = [a_row(owner, **changes) for owner in owners]
    return [row.id for row in await stores.notifications.insert(rows)]


async def marked(stores: Stores, *wanted: tuple[UUID, Sequence[UUID]]) -> list[int]:
    """Mark all in the same moment, each a second later by the clock than the one before."""
    return await asyncio.gather(
        *(
            stores.notifications.mark_read(owner, ids, at=LATER + place * SECOND)
            for place, (owner, ids) in enumerate(wanted)
        )
    )


async def test_each_is_told_what_turned_for_them(
    stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    anna, ben, carl = uuid4(), uuid4(), uuid4()
    annas, bens = await inserted(stores, anna, anna, anna), await inserted(stores, ben, ben)
    (deleted,) = await inserted(stores, ben, is_deleted=True)
    assert await stores.notifications.mark_read(anna, annas[:1], at=NOON) == 1
    assert await marked(
        stores,
        (anna, annas[:2]),
        (ben, [*bens, deleted, uuid4()]),
        (carl, [annas[2], bens[0]]),
        (carl, []),
    ) == [1, 2, 0, 0]
    rows = {row["_id"]: row async for row in database["notifications"].find()}
    assert [rows[each].get("read_at") for each in (*annas, *bens)] == [
        NOON,
        LATER,
        None,
        LATER + SECOND,
        LATER + SECOND,
    ]
    for each in (annas[1], *bens):
        row = rows[each]
        assert (row["is_read"], row["changed_at"]) == (True, row["read_at"])
        assert "unread" not in row
    assert [await stores.notifications.unread_count(owner) for owner in (anna, ben)] == [1, 0]


async def test_where_all_were_unread_each_has_all_of_theirs(stores: Stores) -> None:
    owners = [uuid4() for _ in range(20)]
    ids = await inserted(stores, *owners)
    assert await marked(
        stores, *((owner, [each]) for owner, each in zip(owners, ids, strict=True))
    ) == ([1] * 20)


async def test_a_row_that_two_want_in_the_same_moment_turns_for_one_of_them(
    stores: Stores,
) -> None:
    anna = uuid4()
    first, second = await inserted(stores, anna, anna)
    assert await marked(stores, (anna, [first]), (anna, [first, second])) == [1, 1]
    assert await marked(stores, (anna, [first]), (anna, [first, second])) == [0, 0]


@asynccontextmanager
async def beside(
    uri: str,
    database: AsyncIOMotorDatabase[Document],
    cipher: FieldCipher,
    clock: PositionClock,
    **options: Any,
) -> AsyncIterator[Stores]:
    """Yield the repositories of another process."""
    client = open_client(uri, app_name="tests", **options)
    yield open_stores(client[database.name], cipher, clock)
    await client.aclose()


async def test_what_processes_mark_at_the_same_time_turns_once(
    mongodb_uri: str,
    stores: Stores,
    database: AsyncIOMotorDatabase[Document],
    cipher: FieldCipher,
    clock: PositionClock,
) -> None:
    async with beside(mongodb_uri, database, cipher, clock) as other:
        owners = [uuid4() for _ in range(30)]
        ids = await inserted(stores, *owners)
        wanted = [(owner, [each]) for owner, each in zip(owners, ids, strict=True)]
        here, there = await asyncio.gather(
            marked(stores, *wanted), marked(other, *reversed(wanted))
        )
    assert [one + another for one, another in zip(here, reversed(there), strict=True)] == [1] * 30


async def test_a_moment_is_one_round_trip_and_another_where_some_were_read_before(
    mongodb_uri: str,
    stores: Stores,
    database: AsyncIOMotorDatabase[Document],
    cipher: FieldCipher,
    clock: PositionClock,
) -> None:
    listener = Recorded()
    async with beside(mongodb_uri, database, cipher, clock, event_listeners=[listener]) as watched:
        owners = [uuid4() for _ in range(3)]
        ids = await inserted(stores, *owners)
        await marked(watched, *((owner, [each]) for owner, each in zip(owners, ids, strict=True)))
        assert [name for name, _ in listener.commands] == ["update"]
        listener.commands.clear()
        assert await marked(watched, (owners[0], ids[:1]), (owners[1], ids[1:2])) == [0, 0]
        assert [name for name, _ in listener.commands] == ["update", "find"]
        listener.commands.clear()
        many = await inserted(stores, *[owners[0]] * (FEW_IDS + 1))
        (last,) = await inserted(stores, owners[1])
        assert await marked(watched, (owners[0], many), (owners[1], [last])) == [FEW_IDS + 1, 1]
        assert [name for name, _ in listener.commands] == ["update", "update"]
