from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from storage.device_claims import DeviceClaims
from storage.devices import MOST_DEVICES, Device, DevicesRepository
from storage.encryption import FieldCipher
from tests.storage.samples import KEY, MINUTE, NOON

if TYPE_CHECKING:
    from datetime import datetime

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.stores import Stores

    Database = AsyncIOMotorDatabase[Document]

NEWER_KEY = bytes(range(1, 33))


def a_token() -> str:
    return f"{uuid4().hex}:{uuid4().hex}"


async def register(
    devices: DevicesRepository,
    user_id: UUID,
    token: str,
    *,
    at: datetime = NOON,
    platform: str = "android",
    **described: str | None,
) -> tuple[Device, bool]:
    return await devices.register(
        user_id, token, {"platform": platform, **described}, user_type="customer", at=at
    )


async def stored(database: Database, user_id: UUID) -> list[dict[str, Any]]:
    user = await database["users"].find_one({"_id": user_id})
    assert user is not None
    devices: list[dict[str, Any]] = user["devices"]
    return devices


async def has_device(stores: Stores, user_id: UUID) -> bool:
    return (await stores.users.recipients([user_id]))[user_id].has_device


async def test_a_new_device_is_in_the_list_and_reachable(stores: Stores) -> None:
    user_id, token = uuid4(), a_token()
    device, is_new = await register(stores.devices, user_id, token, name="Anna's phone")
    assert is_new
    assert device == Device(
        id=device.id,
        platform="android",
        name="Anna's phone",
        is_active=True,
        hint="…" + token[-4:],
        created_at=NOON,
        last_used_at=NOON,
    )
    assert await stores.devices.owned(user_id) == [device]
    assert await has_device(stores, user_id)


@pytest.mark.parametrize(("token", "hint"), [("a", "…"), ("abc", "…c"), ("abcdefgh", "…efgh")])
async def test_a_hint_is_never_more_than_half_of_the_token(
    stores: Stores, token: str, hint: str
) -> None:
    device, _ = await register(stores.devices, uuid4(), token)
    assert device.hint == hint


async def test_the_token_is_encrypted_for_its_user(
    stores: Stores, database: Database, cipher: FieldCipher
) -> None:
    user_id, token = uuid4(), a_token()
    await register(stores.devices, user_id, token)
    (entry,) = await stored(database, user_id)
    assert token not in repr(entry)
    assert token.encode() not in entry["token"]
    assert cipher.decrypt(entry["token"], owner=user_id) == token


async def test_the_same_token_again_refreshes_and_reactivates(
    stores: Stores, database: Database
) -> None:
    user_id, token = uuid4(), a_token()
    first, _ = await register(stores.devices, user_id, token, name="Phone")
    await database["users"].update_one(
        {"_id": user_id, "devices.id": first.id}, {"$set": {"devices.$.is_active": False}}
    )
    assert not await has_device(stores, user_id)
    again, is_new = await register(stores.devices, user_id, token, platform="ios", at=NOON + MINUTE)
    assert not is_new
    assert (again.id, again.created_at, again.last_used_at) == (first.id, NOON, NOON + MINUTE)
    assert (again.platform, again.name, again.is_active) == ("ios", "Phone", True)
    renamed, _ = await register(stores.devices, user_id, token, name=None)
    assert renamed.name is None
    assert await stores.devices.owned(user_id) == [renamed]


async def test_a_token_moves_to_who_registers_it(stores: Stores, database: Database) -> None:
    token, anna, ben = a_token(), uuid4(), uuid4()
    hers, _ = await register(stores.devices, anna, token, name="Anna's phone")
    his, is_new = await register(stores.devices, ben, token)
    assert is_new
    assert his.id != hers.id
    assert his.name is None
    assert await stores.devices.owned(ben) == [his]
    assert await stored(database, anna) == []
    assert not await has_device(stores, anna)
    assert not await stores.devices.remove(anna, hers.id)
    assert not await stores.devices.remove(anna, his.id)


async def test_a_token_that_two_register_at_once_has_one_owner(
    stores: Stores, database: Database
) -> None:
    for _ in range(10):
        token, anna, ben = a_token(), uuid4(), uuid4()
        await asyncio.gather(
            *(register(stores.devices, user_id, token) for user_id in (anna, ben) * 4)
        )
        lists = {user_id: await stores.devices.owned(user_id) for user_id in (anna, ben)}
        (device,) = lists[anna] + lists[ben]
        kept = [*await stored(database, anna), *await stored(database, ben)]
        assert [entry["id"] for entry in kept] == [device.id]


async def test_a_device_that_is_registered_at_once_is_new_once(stores: Stores) -> None:
    user_id, token = uuid4(), a_token()
    answers = await asyncio.gather(*(register(stores.devices, user_id, token) for _ in range(10)))
    assert sum(is_new for _, is_new in answers) == 1
    assert len({device.id for device, _ in answers}) == 1
    assert len(await stores.devices.owned(user_id)) == 1


async def test_a_removed_device_is_gone_once(stores: Stores, database: Database) -> None:
    user_id, token = uuid4(), a_token()
    device, _ = await register(stores.devices, user_id, token)
    removed = await asyncio.gather(*(stores.devices.remove(user_id, device.id) for _ in range(5)))
    assert sum(removed) == 1
    assert await stores.devices.owned(user_id) == []
    assert not await has_device(stores, user_id)
    assert await database["device_tokens"].find_one({"user_id": user_id}) is None
    again, is_new = await register(stores.devices, user_id, token)
    assert is_new
    assert again.id != device.id


async def test_a_move_killed_after_its_claim_leaves_the_device_to_nobody(
    stores: Stores, database: Database
) -> None:
    token, anna, ben = a_token(), uuid4(), uuid4()
    await register(stores.devices, anna, token)
    await stores.devices.claims.claim(ben, token)
    assert await stores.devices.owned(ben) == []
    assert await stores.devices.owned(anna) == []
    assert await stored(database, anna) == [], "what the kill left behind is gone too"
    device, is_new = await register(stores.devices, ben, token)
    assert is_new
    assert await stores.devices.owned(ben) == [device]


async def test_who_had_a_token_whose_move_was_killed_can_have_it_again(stores: Stores) -> None:
    token, anna, ben = a_token(), uuid4(), uuid4()
    await register(stores.devices, anna, token)
    await stores.devices.claims.claim(ben, token)
    device, _ = await register(stores.devices, anna, token)
    assert await stores.devices.owned(anna) == [device]
    assert await stores.devices.owned(ben) == []


async def test_a_removal_killed_half_way_leaves_a_token_for_anybody(
    stores: Stores, database: Database
) -> None:
    token, anna, ben = a_token(), uuid4(), uuid4()
    await register(stores.devices, anna, token)
    await database["users"].update_one({"_id": anna}, {"$set": {"devices": []}})
    for user_id in (anna, ben):
        device, is_new = await register(stores.devices, user_id, token)
        assert is_new
        assert await stores.devices.owned(user_id) == [device]


async def test_after_a_rotation_of_keys_a_device_is_the_same_and_moves_as_before(
    stores: Stores, database: Database
) -> None:
    token, anna, ben = a_token(), uuid4(), uuid4()
    before, _ = await register(stores.devices, anna, token)
    rotated = DevicesRepository(database, FieldCipher([NEWER_KEY, KEY]))
    after, is_new = await register(rotated, anna, token)
    assert not is_new
    assert after.id == before.id
    assert await database["device_tokens"].count_documents({"user_id": anna}) == 1
    only_newer = DevicesRepository(database, FieldCipher([NEWER_KEY]))
    assert await only_newer.owned(anna) == [after]
    his, _ = await register(only_newer, ben, token)
    assert await rotated.owned(anna) == []
    assert await rotated.owned(ben) == [his]


async def test_a_token_registered_before_a_rotation_moves_after_it(
    stores: Stores, database: Database
) -> None:
    token, anna, ben = a_token(), uuid4(), uuid4()
    await register(stores.devices, anna, token)
    rotated = DevicesRepository(database, FieldCipher([NEWER_KEY, KEY]))
    device, is_new = await register(rotated, ben, token)
    assert is_new
    assert await rotated.owned(ben) == [device]
    assert await stored(database, anna) != []
    assert await rotated.owned(anna) == []


async def test_over_the_limit_the_inactive_and_then_the_longest_unused_make_room(
    stores: Stores, database: Database, cipher: FieldCipher
) -> None:
    user_id = uuid4()
    tokens = [a_token() for _ in range(MOST_DEVICES)]
    devices = [
        (await register(stores.devices, user_id, token, at=NOON + n * MINUTE))[0]
        for n, token in enumerate(tokens)
    ]
    await database["users"].update_one(
        {"_id": user_id, "devices.id": devices[5].id}, {"$set": {"devices.$.is_active": False}}
    )
    kept = {device.id for device in devices}
    # The second is the oldest by its time, and stays: it is the one just announced.
    for gone, at in ((devices[5], NOON + MINUTE), (devices[0], NOON - MINUTE)):
        new, _ = await register(stores.devices, user_id, a_token(), at=at)
        kept = kept - {gone.id} | {new.id}
        assert {device.id for device in await stores.devices.owned(user_id)} == kept
    claims = DeviceClaims(database, cipher)
    assert await claims.claimed(map(cipher.lookup_hash, (tokens[5], tokens[0]))) == {}


async def test_a_user_s_devices_are_listed_newest_first(stores: Stores) -> None:
    user_id = uuid4()
    registered = [
        (await register(stores.devices, user_id, a_token(), at=NOON + n * MINUTE))[0]
        for n in (1, 0, 2)
    ]
    listed = await stores.devices.owned(user_id)
    assert listed == [registered[2], registered[0], registered[1]]
