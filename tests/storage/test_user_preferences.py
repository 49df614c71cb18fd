from __future__ import annotations

import asyncio
from datetime import datetime, time
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from rules.preferences import DEFAULTS, Preferences
from rules.quiet_hours import QuietHours
from storage.users import ProfileChange
from tests.storage.samples import MINUTE, NOON

if TYPE_CHECKING:
    from storage.stores import Stores

EMAIL = "anna@example.org"


def registered(user_id: UUID, at: datetime = NOON, **changes: str) -> ProfileChange:
    known = {"name": "Anna Nkosi", "user_type": "customer", "email": EMAIL, "locale": "en"}
    return ProfileChange(user_id, known | changes, at)


async def test_who_set_nothing_has_the_defaults_registered_or_not(stores: Stores) -> None:
    user_id = uuid4()
    assert await stores.users.preferences(user_id) == DEFAULTS
    await stores.users.apply([registered(user_id)])
    assert await stores.users.preferences(user_id) == DEFAULTS


async def test_changes_keep_what_they_do_not_name(stores: Stores) -> None:
    user_id = uuid4()
    await stores.users.apply([registered(user_id)])
    for changes in (
        {"mute_all": True, "muted_types": ["welcome"], "quiet_hours": {"start": "21:00"}},
        {"mute_all": False, "quiet_hours": {"end": "06:30"}},
        {"quiet_hours": {"enabled": False}},
    ):
        await stores.users.change_preferences(user_id, changes, user_type="customer", at=NOON)
    assert await stores.users.preferences(user_id) == Preferences(
        muted_types=("welcome",),
        quiet_hours=QuietHours(is_enabled=False, start=time(21), end=time(6, 30)),
    )
    user = await stores.users.get(user_id)
    assert user.email == EMAIL
    assert user.preferences == await stores.users.preferences(user_id)


@pytest.mark.parametrize("nothing", [{}, {"quiet_hours": {}}])
async def test_no_changes_of_preferences_make_no_user(
    stores: Stores, nothing: dict[str, Any]
) -> None:
    user_id = uuid4()
    await stores.users.change_preferences(user_id, nothing, user_type="customer", at=NOON)
    assert await stores.users.find(user_id) is None


async def test_keys_changed_at_once_are_all_kept_also_for_somebody_unknown(stores: Stores) -> None:
    user_id = uuid4()
    wanted: list[dict[str, Any]] = [
        {"mute_all": True},
        {"weekly_digest": False},
        {"locale": "zu"},
        {"quiet_hours": {"start": "20:00"}},
        {"quiet_hours": {"end": "05:00"}},
    ]
    await asyncio.gather(
        *(
            stores.users.change_preferences(user_id, changes, user_type="ngo", at=NOON)
            for changes in wanted * 4
        )
    )
    assert await stores.users.preferences(user_id) == Preferences(
        mute_all=True,
        weekly_digest=False,
        locale="zu",
        quiet_hours=QuietHours(start=time(20), end=time(5)),
    )
    recipient = (await stores.users.recipients([user_id]))[user_id]
    assert (recipient.user_type, recipient.preferences.mute_all) == ("ngo", True)


async def test_preferences_set_before_the_registration_survive_it(stores: Stores) -> None:
    user_id = uuid4()
    await stores.users.change_preferences(
        user_id, {"mute_all": True}, user_type="customer", at=NOON
    )
    await stores.users.apply([registered(user_id, user_type="ngo", timezone="Europe/Paris")])
    user = await stores.users.get(user_id)
    assert (user.name, user.user_type) == ("Anna Nkosi", "ngo")
    assert user.preferences == Preferences(mute_all=True, timezone="Europe/Paris")


async def test_time_zone_and_locale_follow_the_profile_until_they_are_set(stores: Stores) -> None:
    user_id = uuid4()

    async def in_force() -> tuple[str, str]:
        preferences = await stores.users.preferences(user_id)
        (recipient,) = (await stores.users.recipients([user_id])).values()
        assert recipient.preferences == preferences
        return preferences.timezone, preferences.locale

    await stores.users.apply([registered(user_id, timezone="Europe/Paris", locale="zu")])
    assert await in_force() == ("Europe/Paris", "zu")
    await stores.users.apply([registered(user_id, NOON + MINUTE, timezone="Asia/Tokyo")])
    assert await in_force() == ("Asia/Tokyo", "en")
    await stores.users.change_preferences(
        user_id, {"timezone": "Europe/Rome", "locale": "af"}, user_type="customer", at=NOON
    )
    await stores.users.apply([registered(user_id, NOON + 2 * MINUTE, timezone="Asia/Seoul")])
    assert await in_force() == ("Europe/Rome", "af")
