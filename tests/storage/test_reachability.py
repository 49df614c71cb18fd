from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from storage.encryption import FieldCipher
from storage.stores import open_stores
from storage.suppressions import ids_of
from storage.users import ProfileChange
from tests.storage.samples import KEY, NOON, SECOND

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.positions import PositionClock
    from storage.stores import Stores

NUMBER = "+27821234567"


async def person(stores: Stores, **fields: str) -> UUID:
    user_id = uuid4()
    known = {"email": f"{user_id}@Example.org", "phone": NUMBER, **fields}
    await stores.users.apply([ProfileChange(user_id, known, NOON)])
    return user_id


async def lose(stores: Stores, channel: str, address: str, user_id: UUID | None) -> None:
    await stores.reachability.lose(
        channel, address, reason="address_gone", user_id=user_id, at=NOON
    )


async def reached_by(stores: Stores, user_id: UUID) -> tuple[bool, bool]:
    recipient = (await stores.users.recipients([user_id]))[user_id]
    return recipient.has_email, recipient.has_phone


async def test_who_cannot_be_reached_has_no_address_on_that_channel(stores: Stores) -> None:
    user_id = await person(stores)
    assert await reached_by(stores, user_id) == (True, True)
    await lose(stores, "email", f"{user_id}@Example.org", user_id)
    assert await reached_by(stores, user_id) == (False, True)
    await lose(stores, "sms", NUMBER, user_id)
    assert await reached_by(stores, user_id) == (False, False)


async def test_a_new_address_is_reachable_and_the_old_one_is_not(stores: Stores) -> None:
    user_id = await person(stores, email="old@example.org")
    await lose(stores, "email", "old@example.org", user_id)
    for at, address, is_reachable in (
        (1, "new@example.org", True),
        (2, "old@example.org", False),
    ):
        change = ProfileChange(user_id, {"email": address}, NOON + at * SECOND)
        await stores.users.apply([change])
        assert (await reached_by(stores, user_id))[0] is is_reachable


async def test_what_was_lost_is_not_held_against_who_has_moved_on(stores: Stores) -> None:
    user_id = await person(stores)
    await lose(stores, "email", "former@example.org", user_id)
    assert await reached_by(stores, user_id) == (True, True)


@pytest.mark.parametrize(
    ("channel", "address", "same"),
    [
        ("email", "Jo@Example.org", " jo@example.ORG"),
        ("sms", "+27 (82) 123-45.67", "+27821234567"),
    ],
)
async def test_an_address_is_the_same_however_it_is_written(
    stores: Stores, channel: str, address: str, same: str
) -> None:
    user_id = uuid4()
    await lose(stores, channel, address, None)
    assert await stores.reachability.lost(channel, {user_id: same}) == {user_id}
    await stores.reachability.regain(channel, same)
    assert await stores.reachability.lost(channel, {user_id: address}) == set()


async def test_who_registers_an_address_that_is_lost_is_found_out(stores: Stores) -> None:
    first, second = await person(stores, email="b@example.org"), uuid4()
    await lose(stores, "email", "b@example.org", first)
    await stores.users.apply([ProfileChange(second, {"email": "B@example.org"}, NOON)])
    assert await reached_by(stores, second) == (True, False)
    addresses = {second: "B@example.org", uuid4(): "c@example.org"}
    assert await stores.reachability.lost("email", addresses) == {second}
    assert await reached_by(stores, second) == (False, False)


async def test_a_number_that_opts_in_again_is_reachable_for_all_who_have_it(
    stores: Stores,
) -> None:
    people = [await person(stores, phone="+27 82 555 0101") for _ in range(2)]
    for each in people:
        await lose(stores, "sms", "+27 82 555 0101", each)
    other = await person(stores, phone="+27825550199")
    await lose(stores, "sms", "+27825550199", other)
    await stores.reachability.regain("sms", "+27825550101")
    assert [await reached_by(stores, each) for each in [*people, other]] == [
        (True, True),
        (True, True),
        (True, False),
    ]
    assert await stores.reachability.lost("sms", {people[0]: "+27825550101"}) == set()


async def test_it_is_known_under_a_new_key(
    stores: Stores, database: AsyncIOMotorDatabase[Document], clock: PositionClock
) -> None:
    user_id = await person(stores, email="r@example.org")
    rotated = open_stores(database, FieldCipher([b"n" * 32, KEY]), clock)
    await lose(rotated, "email", "r@example.org", user_id)
    assert await reached_by(rotated, user_id) == (False, True)
    assert await stores.reachability.lost("email", {user_id: "r@example.org"}) == set()
    await lose(stores, "sms", "+27825550102", None)
    assert await rotated.reachability.lost("sms", {user_id: "+27825550102"}) == {user_id}


async def test_an_export_says_where_somebody_cannot_be_reached(stores: Stores) -> None:
    user_id = await person(stores)
    await lose(stores, "sms", NUMBER, user_id)
    exported: Any = await stores.users.exported(user_id)
    assert exported["unreachable"] == ["sms"]
    assert "unreachable" not in repr(await stores.users.find(user_id))


async def test_the_row_tells_nobodys_address(
    stores: Stores, database: AsyncIOMotorDatabase[Document], cipher: FieldCipher
) -> None:
    await lose(stores, "sms", "+27825550103", None)
    row: Any = await database["suppressions"].find_one({"_id": ids_of("+27825550103", cipher)[0]})
    assert row == {**row, "channel": "sms", "reason": "address_gone", "since": NOON}
    assert "5550103" not in repr(row)
    await stores.reachability.lose(
        "sms", "+27825550103", reason="opted_out", user_id=None, at=NOON + SECOND
    )
    assert await database["suppressions"].find_one({"_id": row["_id"]}) == row
