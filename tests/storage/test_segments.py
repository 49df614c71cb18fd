from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from rules.segments import EVERYBODY, Segment
from rules.slots import SLOTS, slot_of
from storage import segments
from storage.newcomers import newcomer
from storage.users import ProfileChange
from tests.storage.consistency import follow
from tests.storage.samples import MINUTE, NOON, a_business

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.segments import Candidate
    from storage.stores import Stores


async def candidate(stores: Stores, user_id: UUID) -> Candidate:
    """Return the user as found by the slot, which everybody has."""
    slot = slot_of(user_id)
    found = await stores.segments.range(EVERYBODY, slot_from=slot, slot_to=slot + 1)
    (ours,) = [each for each in found if each.recipient.user_id == user_id]
    assert ours in await stores.segments.known([user_id])
    return ours


async def is_in(stores: Stores, user_id: UUID, segment: Segment) -> bool:
    """Tell whether a query for the segment finds the user."""
    found = await stores.segments.range(segment, slot_from=0, slot_to=SLOTS)
    return user_id in {each.recipient.user_id for each in found if segment.has(each.traits)}


async def register(stores: Stores, **said: str | None) -> UUID:
    user_id = uuid4()
    await stores.users.apply([ProfileChange(user_id, {"user_type": "customer", **said}, NOON)])
    return user_id


async def test_who_is_registered_is_found_by_what_the_profile_says(stores: Stores) -> None:
    user_id = await register(stores, timezone="Asia/Tokyo", locale="ja")
    traits = (await candidate(stores, user_id)).traits
    assert (traits.user_type, traits.timezone, traits.locale) == ("customer", "Asia/Tokyo", "ja")
    assert await is_in(stores, user_id, Segment(timezone="Asia/Tokyo"))


async def test_who_says_nothing_has_the_defaults(stores: Stores) -> None:
    user_id = await register(stores)
    assert await is_in(stores, user_id, Segment(timezone="Africa/Johannesburg", locales=("en",)))


async def test_what_a_user_sets_is_in_force_whatever_the_profile_says(stores: Stores) -> None:
    user_id = await register(stores, timezone="Asia/Tokyo")
    await stores.users.change_preferences(
        user_id, {"timezone": "Asia/Seoul", "locale": "zu"}, user_type="customer", at=NOON
    )
    moved = ProfileChange(user_id, {"timezone": "Asia/Tashkent", "locale": "af"}, NOON + MINUTE)
    await stores.users.apply([moved])
    for timezone in ("Asia/Tokyo", "Asia/Tashkent"):
        assert not await is_in(stores, user_id, Segment(timezone=timezone))
    assert await is_in(stores, user_id, Segment(timezone="Asia/Seoul", locales=("zu",)))


async def test_a_profile_that_no_longer_names_a_zone_has_the_default(stores: Stores) -> None:
    user_id = await register(stores, timezone="Asia/Tokyo")
    await stores.users.apply([ProfileChange(user_id, {"timezone": None}, NOON + MINUTE)])
    assert await is_in(stores, user_id, Segment(timezone="Africa/Johannesburg"))


@pytest.mark.parametrize("made_by", ["follow", "preferences", "device"])
async def test_who_is_known_by_a_token_alone_is_found_too(stores: Stores, made_by: str) -> None:
    user_id = uuid4()
    if made_by == "follow":
        await follow(stores.following, user_id, "ngo", await a_business(stores))
    elif made_by == "preferences":
        await stores.users.change_preferences(user_id, {"mute_all": True}, user_type="ngo", at=NOON)
    else:
        await stores.devices.register(
            user_id, uuid4().hex, {"platform": "web"}, user_type="ngo", at=NOON
        )
    assert await is_in(stores, user_id, Segment(user_types=("ngo",), locales=("en",)))
    assert await is_in(stores, user_id, Segment(timezone="Africa/Johannesburg"))


async def test_who_was_deleted_is_in_no_segment(stores: Stores) -> None:
    known, stranger = await register(stores), uuid4()
    await stores.users.note_deleted({known: NOON, stranger: NOON})
    for user_id in (known, stranger):
        assert not await is_in(stores, user_id, EVERYBODY)


async def test_several_types_are_found_once_each(stores: Stores) -> None:
    ids = [await register(stores, user_type=each) for each in ("ngo", "provider", "customer")]
    segment = Segment(user_types=("ngo", "provider", "ngo"))
    found = await stores.segments.range(segment, slot_from=0, slot_to=SLOTS)
    times = [[each.recipient.user_id for each in found].count(user_id) for user_id in ids]
    assert times == [1, 1, 0]


async def test_candidates_are_counted_where_few_and_estimated_where_many(
    stores: Stores, database: AsyncIOMotorDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not drawn: an estimate may be right by chance.
    ids = [UUID(int=n) for n in range(2_000)]
    rows: list[dict[str, Any]] = [
        {"_id": user_id, **newcomer(user_id, "courier")} for user_id in ids
    ]
    await database["users"].insert_many(rows)
    segment = Segment(user_types=("courier",))
    assert await stores.segments.candidates(segment) == len(ids)
    monkeypatch.setattr(segments, "FEWEST_COUNTED", 100)
    estimated = await stores.segments.candidates(segment)
    assert estimated != len(ids)
    assert estimated == pytest.approx(len(ids), rel=0.5)
