"""Preferences (contract section 2.2)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from rules.kinds import KINDS
from tests.support.api import Api, token
from tests.support.world import PREFERENCES, Person, World

DEFAULTS: dict[str, Any] = {
    "email_notifications": True,
    "new_listing_notifications": True,
    "promotional_notifications": False,
    "weekly_digest": True,
    "push_notifications": True,
    "sms_notifications": True,
    "mute_all": False,
    "muted_types": [],
    "muted_businesses": [],
    "quiet_hours": {"enabled": True, "start": "22:00", "end": "07:00"},
    "timezone": "Africa/Johannesburg",
    "locale": "en",
}
SWITCHES = [name for name, value in DEFAULTS.items() if isinstance(value, bool)]
A_DAY = timedelta(days=1)
SHOP = "b0510000-0000-4000-8000-00000000000a"


def somebody() -> Person:
    """Return a customer of whom no event has told."""
    user_id = uuid4()
    return Person(user_id, token(user_id))


async def preferences_of(api: Api, person: Person) -> dict[str, Any]:
    answer = await api.get(PREFERENCES, person.token)
    assert answer.status == 200
    assert set(answer.body) == {"preferences"}
    preferences: dict[str, Any] = answer.body["preferences"]
    return preferences


@pytest.mark.parametrize("path", [PREFERENCES, PREFERENCES.rstrip("/")])
async def test_who_set_nothing_has_the_defaults(world: World, path: str) -> None:
    for person in (somebody(), await world.person("provider")):
        answer = await world.api.get(path, person.token)
        assert (answer.status, answer.body) == (200, {"preferences": DEFAULTS})


@pytest.mark.parametrize("path", [PREFERENCES, PREFERENCES.rstrip("/")])
async def test_a_change_answers_with_all_preferences(api: Api, path: str) -> None:
    answer = await api.put(path, somebody().token, {"mute_all": True})
    assert (answer.status, answer.body) == (
        200,
        {
            "message": "Notification preferences updated successfully",
            "preferences": DEFAULTS | {"mute_all": True},
        },
    )


CHANGES: list[dict[str, Any]] = [
    *({name: not DEFAULTS[name]} for name in SWITCHES),
    {"muted_types": ["promotional", "new_listing"]},
    {"muted_types": list(KINDS)},
    {"muted_businesses": [SHOP]},
    {"muted_businesses": [str(UUID(int=n)) for n in range(100)]},
    {"quiet_hours": {"enabled": False, "start": "00:00", "end": "23:59"}},
    {"quiet_hours": {"enabled": True, "start": "07:00", "end": "07:00"}},
    {"timezone": "America/Argentina/Buenos_Aires"},
    {"timezone": "UTC"},
    {"locale": "af"},
    {"locale": "zu"},
    {"locale": "pt-BR"},
    {"locale": "zh-Hant-TW"},
]


@pytest.mark.parametrize("changes", CHANGES, ids=lambda changes: str(changes)[:60])
async def test_the_given_keys_change_and_the_rest_stay(world: World, changes: Any) -> None:
    person = somebody()
    assert await world.prefer(person, **changes) == DEFAULTS | changes
    assert await world.prefer(person, weekly_digest=False) == (
        DEFAULTS | changes | {"weekly_digest": False}
    )
    assert await preferences_of(world.api, person) == DEFAULTS | changes | {"weekly_digest": False}


async def test_changes_of_several_keys_add_up(world: World) -> None:
    person = await world.person()
    expected = dict(DEFAULTS)
    for changes in CHANGES:
        expected |= changes
        assert await world.prefer(person, **changes) == expected
    assert await world.prefer(person, **DEFAULTS) == DEFAULTS


@pytest.mark.parametrize("changes", [{}, {"quiet_hours": {}}])
async def test_a_change_of_nothing_is_one(world: World, changes: dict[str, Any]) -> None:
    assert await world.prefer(somebody(), **changes) == DEFAULTS


async def test_of_quiet_hours_too_the_given_keys_change_and_the_rest_stay(world: World) -> None:
    person = somebody()
    await world.prefer(person, quiet_hours={"start": "20:30"})
    await world.prefer(person, quiet_hours={"enabled": False})
    changed = await world.prefer(person, quiet_hours={"end": "06:15"})
    assert changed["quiet_hours"] == {"enabled": False, "start": "20:30", "end": "06:15"}


async def test_what_is_muted_twice_is_muted_once_and_written_one_way(world: World) -> None:
    changed = await world.prefer(
        somebody(),
        muted_types=["welcome", "promotional", "welcome"],
        muted_businesses=[SHOP.upper(), SHOP],
    )
    assert changed["muted_types"] == ["welcome", "promotional"]
    assert changed["muted_businesses"] == [SHOP]


NO_FLAGS: list[Any] = ["true", "", 0, 1, 1.0, None, [], {}]
NO_TIMES: list[Any] = [
    *["24:00", "22:60", "7:00", "22", "22:00:00", "22:00Z", "10:00 PM", "22.00", "-1:00"],
    *["", " 22:00", "22:00\n", "\u0662\u0662:\u0660\u0660", 2200, None, ["22:00"]],
]
NO_TIMEZONES: list[Any] = [
    "",
    "Mars/Olympus",
    "SAST",
    "localtime",
    "Factory",
    "+02:00",
    "Africa",
    "../UTC",
    2,
    None,
    [],
]
NO_LOCALES: list[Any] = ["", "e", "english", "en-", "-en", "en us", "en\n", "e" * 36, 1, None, {}]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        *(({name: value}, name) for name in SWITCHES for value in NO_FLAGS),
        ({"unheard_of": True}, "unheard_of"),
        ({"mute_all": True, "following": []}, "following"),
        ({"$where": "1"}, "$where"),
        ({"preferences": {"mute_all": True}}, "preferences"),
        ({"quiet_hours.start": "22:00"}, "quiet_hours.start"),
        ({"muted_types": "new_listing"}, "muted_types"),
        ({"muted_types": None}, "muted_types"),
        ({"muted_types": ["new_listing", "unheard_of"]}, "muted_types.1"),
        ({"muted_types": [1]}, "muted_types.0"),
        ({"muted_types": [["new_listing"]]}, "muted_types.0"),
        ({"muted_types": ["welcome"] * (len(KINDS) + 1)}, "muted_types"),
        ({"muted_businesses": [SHOP, "Mario's"]}, "muted_businesses.1"),
        ({"muted_businesses": [None]}, "muted_businesses.0"),
        ({"muted_businesses": {SHOP: True}}, "muted_businesses"),
        ({"muted_businesses": [str(UUID(int=n)) for n in range(101)]}, "muted_businesses"),
        ({"quiet_hours": None}, "quiet_hours"),
        ({"quiet_hours": "22:00-07:00"}, "quiet_hours"),
        ({"quiet_hours": []}, "quiet_hours"),
        ({"quiet_hours": {"enabled": "false"}}, "quiet_hours.enabled"),
        ({"quiet_hours": {"from": "22:00"}}, "quiet_hours.from"),
        *(
            ({"quiet_hours": {name: value}}, f"quiet_hours.{name}")
            for name in ("start", "end")
            for value in NO_TIMES
        ),
        *(({"timezone": value}, "timezone") for value in NO_TIMEZONES),
        *(({"locale": value}, "locale") for value in NO_LOCALES),
    ],
    ids=lambda value: ascii(value)[:60],
)
async def test_what_is_not_valid_is_refused_by_name_and_changes_nothing(
    api: Api, changes: dict[str, Any], field: str
) -> None:
    person = somebody()
    answer = await api.put(PREFERENCES, person.token, {"weekly_digest": False} | changes)
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
    assert set(answer.error["details"]) == {field}
    assert await preferences_of(api, person) == DEFAULTS


@pytest.mark.parametrize("body", [None, [], "mute_all", 1, True])
async def test_a_body_that_is_no_object_is_refused(api: Api, body: Any) -> None:
    raw = b"null" if body is None else None
    answer = await api.put(PREFERENCES, somebody().token, body, raw=raw)
    assert (answer.status, set(answer.error["details"])) == (400, {"body"})


async def test_time_zone_and_locale_are_those_of_the_registration_until_they_are_set(
    world: World,
) -> None:
    person = await world.person(timezone="Europe/Paris", locale="zu")

    async def say(**fields: Any) -> None:
        answer = await world.event("user.updated", {"id": str(person.id), **fields})
        assert answer.status == 202

    async def are(timezone: str, locale: str) -> None:
        async def is_so() -> bool:
            found = await preferences_of(world.api, person)
            return bool(found == DEFAULTS | {"timezone": timezone, "locale": locale})

        await world.eventually(is_so)

    await are("Europe/Paris", "zu")
    await say(timezone="Asia/Tokyo")
    await are("Asia/Tokyo", "zu")
    await world.prefer(person, timezone="Africa/Cairo")
    await say(timezone="Asia/Seoul", locale="af")
    await are("Africa/Cairo", "af")


async def test_everybody_has_their_own(world: World) -> None:
    one, other = await world.person(), await world.person()
    await world.prefer(one, mute_all=True)
    assert await preferences_of(world.api, other) == DEFAULTS


async def test_dates_of_the_inbox_are_days_of_the_time_zone_that_was_set(world: World) -> None:
    shop = await world.shop()
    person = await world.follower(shop)
    await world.post_listing(shop)
    (told,) = await world.told(person)
    created_at = datetime.fromisoformat(told["created_at"])
    for timezone in ("Pacific/Kiritimati", "Pacific/Niue"):  # 25 hours apart
        await world.prefer(person, timezone=timezone)
        day = created_at.astimezone(ZoneInfo(timezone)).date()
        for asked, count in ((day - A_DAY, 0), (day, 1), (day + A_DAY, 0)):
            page = await world.inbox(person, f"?date_from={asked}&date_to={asked}")
            assert page["count"] == count, (timezone, asked)
