from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.preferences import DEFAULTS
from rules.recipients import Recipient
from storage.encryption import DecryptionError, FieldCipher
from storage.users import Name, ProfileChange, UserNotFound, UsersRepository
from tests.storage.samples import KEY, MINUTE, NOON

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase
    from tornado.ioloop import IOLoop

    from storage.client import Document
    from storage.stores import Stores

REGISTERED = {
    "name": "Anna Nkosi",
    "user_type": "customer",
    "email": "anna@example.org",
    "phone": "+27821234567",
    "locale": "en",
    "timezone": "Africa/Johannesburg",
    "profile_image": "https://example.org/anna.png",
}


def registered(user_id: UUID, at: datetime = NOON, **changes: str | None) -> ProfileChange:
    return ProfileChange(user_id, REGISTERED | changes, at)


async def test_a_registered_user_is_found_with_everything_that_was_said(stores: Stores) -> None:
    user_id, business_id = uuid4(), uuid4()
    await stores.users.apply([registered(user_id, business_id=str(business_id))])
    user = await stores.users.get(user_id)
    assert {name: getattr(user, name) for name in REGISTERED} == REGISTERED
    assert user.id == user_id
    assert user.business_id == business_id
    assert user.preferences == DEFAULTS


async def test_nobody_is_found_under_an_unknown_id(stores: Stores) -> None:
    user_id = uuid4()
    assert await stores.users.find(user_id) is None
    with pytest.raises(UserNotFound) as caught:
        await stores.users.get(user_id)
    assert caught.value.user_id == user_id


async def test_no_changes_are_no_write(stores: Stores) -> None:
    user_id = uuid4()
    await stores.users.apply([])
    await stores.users.apply([ProfileChange(user_id, {}, NOON)])
    assert await stores.users.find(user_id) is None


async def test_an_update_before_the_registration_is_kept(stores: Stores) -> None:
    user_id = uuid4()
    await stores.users.apply([ProfileChange(user_id, {"name": "Anna Dube"}, NOON + MINUTE)])
    await stores.users.apply([registered(user_id)])
    user = await stores.users.get(user_id)
    assert (user.name, user.email) == ("Anna Dube", REGISTERED["email"])


async def test_an_older_update_changes_only_what_nothing_newer_has_set(stores: Stores) -> None:
    user_id = uuid4()
    await stores.users.apply(
        [
            registered(user_id, NOON),
            ProfileChange(user_id, {"name": "Newest"}, NOON + 2 * MINUTE),
            ProfileChange(user_id, {"name": "Older", "locale": "zu"}, NOON + MINUTE),
        ]
    )
    user = await stores.users.get(user_id)
    assert (user.name, user.locale) == ("Newest", "zu")


async def test_of_two_updates_of_the_same_time_the_last_one_wins(stores: Stores) -> None:
    user_id = uuid4()
    await stores.users.apply([registered(user_id, name="First"), registered(user_id, name="Last")])
    assert (await stores.users.get(user_id)).name == "Last"


@pytest.mark.parametrize("name", ["$name", "$$ROOT", "{$literal: 1}", "a.b", "\u0000", ""])
async def test_a_value_that_looks_like_an_expression_is_only_a_value(
    stores: Stores, name: str
) -> None:
    user_id = uuid4()
    await stores.users.apply([registered(user_id, name=name)])
    assert (await stores.users.get(user_id)).name == name


async def test_none_removes_a_value_and_keeps_its_time(stores: Stores) -> None:
    user_id = uuid4()
    gone = ProfileChange(user_id, {"phone": None, "profile_image": None}, NOON + MINUTE)
    await stores.users.apply([registered(user_id), gone, registered(user_id)])
    user = await stores.users.get(user_id)
    assert (user.phone, user.profile_image) == (None, None)
    assert user.email == REGISTERED["email"]


async def test_an_unknown_field_is_refused_before_anything_is_written(stores: Stores) -> None:
    user_id = uuid4()
    with pytest.raises(ValueError, match="shoe_size"):
        await stores.users.apply([ProfileChange(user_id, {"shoe_size": "42"}, NOON)])
    assert await stores.users.find(user_id) is None


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_in_any_order_each_field_ends_with_its_newest_value(
    io_loop: IOLoop, stores: Stores, data: st.DataObject
) -> None:
    values = st.one_of(st.none(), st.sampled_from(["a", "$b", "c"]))
    fields = st.dictionaries(st.sampled_from(["name", "email", "locale"]), values, min_size=1)
    said: list[dict[str, str | None]] = data.draw(st.lists(fields, min_size=1, max_size=6))
    user_id = uuid4()
    changes = [
        ProfileChange(user_id, each, NOON + timedelta(milliseconds=place))
        for place, each in enumerate(said)
    ]
    expected: dict[str, str | None] = {}
    for each in said:
        expected |= each
    shuffled = data.draw(st.permutations(changes))
    cut = data.draw(st.integers(0, len(shuffled)))

    async def run() -> Any:
        await stores.users.apply(shuffled[:cut])
        await stores.users.apply(shuffled[cut:])
        return await stores.users.get(user_id)

    user = io_loop.run_sync(run)
    found = {name: getattr(user, name) for name in ("name", "email", "locale")}
    assert found == {name: expected.get(name) for name in found}


async def test_contact_details_are_never_stored_in_the_clear(
    stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    user_id = uuid4()
    await stores.users.apply([registered(user_id)])
    raw = await database["users"].find_one({"_id": user_id})
    assert raw is not None
    stored = repr(raw)
    assert "anna@example.org" not in stored
    assert "27821234567" not in stored
    assert isinstance(raw["email"], bytes)
    assert raw["email_hash"] == FieldCipher([KEY]).lookup_hash("anna@example.org")


async def test_a_value_moved_to_another_user_is_not_given_out(
    stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    anna, ben = uuid4(), uuid4()
    await stores.users.apply([registered(anna), registered(ben)])
    raw = await database["users"].find_one({"_id": anna})
    assert raw is not None
    await database["users"].update_one({"_id": ben}, {"$set": {"email": raw["email"]}})
    with pytest.raises(DecryptionError):
        await stores.users.get(ben)


async def test_after_a_key_rotation_old_and_new_users_are_read(
    database: AsyncIOMotorDatabase[Document],
) -> None:
    anna, ben = uuid4(), uuid4()
    newer = bytes(range(100, 132))
    await UsersRepository(database, FieldCipher([KEY])).apply([registered(anna)])
    rotated = UsersRepository(database, FieldCipher([newer, KEY]))
    await rotated.apply([registered(ben)])
    assert (await rotated.get(anna)).email == REGISTERED["email"]
    with_new_key_alone = UsersRepository(database, FieldCipher([newer]))
    assert (await with_new_key_alone.get(ben)).email == REGISTERED["email"]
    with pytest.raises(DecryptionError):
        await with_new_key_alone.get(anna)


async def test_recipients_say_what_can_be_reached_and_leave_out_the_unknown(
    stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    anna, ben, unknown = uuid4(), uuid4(), uuid4()
    await stores.users.apply(
        [registered(anna, phone=None), ProfileChange(ben, {"user_type": "ngo"}, NOON)]
    )
    await database["users"].update_one(
        {"_id": anna},
        {"$set": {"preferences": {"mute_all": True}, "devices": [{"is_active": False}]}},
    )
    await database["users"].update_one(
        {"_id": ben}, {"$set": {"devices": [{"is_active": False}, {"is_active": True}]}}
    )
    recipients = await stores.users.recipients({anna, ben, unknown})
    assert recipients.keys() == {anna, ben}
    assert recipients[ben] == Recipient(user_id=ben, user_type="ngo", has_device=True)
    found = recipients[anna]
    assert (found.has_email, found.has_phone, found.has_device) == (True, False, False)
    assert found.preferences.mute_all
    assert not found.preferences.promotional_notifications


async def test_names_leave_out_the_unknown(stores: Stores) -> None:
    anna, unknown = uuid4(), uuid4()
    await stores.users.apply([registered(anna)])
    assert await stores.users.names([anna, unknown]) == {
        anna: Name("Anna Nkosi", "customer", "https://example.org/anna.png")
    }


async def test_who_follows_nothing_has_an_empty_list(stores: Stores) -> None:
    user_id = uuid4()
    assert await stores.users.following(user_id) == []
    await stores.users.apply([registered(user_id)])
    assert await stores.users.following(user_id) == []


async def test_who_was_deleted_is_kept_with_the_newest_time_known_or_not(stores: Stores) -> None:
    known, unknown = uuid4(), uuid4()
    await stores.users.apply([registered(known)])
    await stores.users.note_deleted({known: NOON + MINUTE, unknown: NOON})
    await stores.users.note_deleted({known: NOON})
    for user_id, deleted_at in ((known, NOON + MINUTE), (unknown, NOON)):
        row = await stores.users.exported(user_id)
        assert row is not None
        assert row["deleted_at"] == deleted_at


async def test_the_first_registration_of_a_user_is_kept(stores: Stores) -> None:
    user_id, other = uuid4(), uuid4()
    first, second = uuid4(), uuid4()
    change = ProfileChange(user_id, {"name": "Anna"}, NOON)
    await stores.users.apply([change])
    assert await stores.users.registered_by([user_id]) == {}
    for key in (first, second):
        await stores.users.apply([replace(change, registered_by=key)])
    await stores.users.apply([replace(change, user_id=other, registered_by=second), change])
    assert await stores.users.registered_by([user_id, other, uuid4()]) == {
        user_id: first,
        other: second,
    }
