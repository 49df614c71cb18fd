from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from rules.ids import follow_id
from rules.slots import slot_of
from storage.notification_history import ROWS_AT_ONCE
from storage.personal_data import NOTHING_OF_ANYBODY, OWN_DOCUMENT, SECTIONS
from storage.scheduled_sends import Schedule
from storage.users import ProfileChange
from tests.storage.consistency import follow, unfollow
from tests.storage.samples import MINUTE, NOON, SECOND, a_business, a_row, an_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from storage.client import Document
    from storage.stores import Stores

SOURCES = [
    path
    for package in ("storage", "tasks", "actors", "server")
    for path in (Path(__file__).parents[2] / package).rglob("*.py")
]
MS = timedelta(milliseconds=1)


async def all_of(parts: AsyncIterator[list[Document]]) -> list[Document]:
    return [row async for rows in parts for row in rows]


def test_every_collection_is_exported_or_says_why_not() -> None:
    """Whoever adds a collection decides here what it holds of people."""
    opening = re.compile(r'database\["(\w+)"\]')
    used = {name for path in SOURCES for name in opening.findall(path.read_text())}
    exported = {OWN_DOCUMENT, *(section.collection for section in SECTIONS)}
    assert used == exported | NOTHING_OF_ANYBODY.keys()
    assert not exported & NOTHING_OF_ANYBODY.keys()


def test_there_is_no_other_way_to_a_collection() -> None:
    for path in SOURCES:
        assert "get_collection" not in path.read_text(), path


async def test_of_a_user_all_is_exported_in_clear_but_tokens_and_hashes(stores: Stores) -> None:
    user_id = uuid4()
    fields = {"name": "Anna", "email": "anna@example.org", "phone": "+27821234567", "locale": "af"}
    await stores.users.apply([ProfileChange(user_id, fields, NOON)])
    await stores.users.change_preferences(
        user_id, {"mute_all": True}, user_type="customer", at=NOON
    )
    token = uuid4().hex
    described = {"platform": "ios", "name": "Phone"}
    device, _ = await stores.devices.register(
        user_id, token, described, user_type="customer", at=NOON
    )
    exported = await stores.users.exported(user_id)
    assert exported is not None
    assert [noted["what"] for noted in exported.pop("opt_outs")] == ["all"]
    assert exported == {
        "_id": user_id,
        **fields,
        "versions": dict.fromkeys(fields, NOON),
        "slot": slot_of(user_id),
        "in_force": {"timezone": "Africa/Johannesburg", "locale": "af"},
        "preferences": {"mute_all": True},
        "devices": [
            {
                "id": device.id,
                "platform": "ios",
                "name": "Phone",
                "hint": "…" + token[-4:],
                "is_active": True,
                "created_at": NOON,
                "last_used_at": NOON,
            }
        ],
    }
    assert await stores.users.exported(uuid4()) is None


async def test_follows_that_have_ended_are_exported(stores: Stores) -> None:
    user_id = uuid4()
    kept, ended = await a_business(stores), await a_business(stores)
    for business_id in (kept, ended):
        await follow(stores.following, user_id, "ngo", business_id)
    await unfollow(stores.following, user_id, ended)
    rows = await all_of(stores.follows.exported(user_id))
    assert {row["_id"]: row["is_active"] for row in rows} == {
        follow_id(kept, user_id): True,
        follow_id(ended, user_id): False,
    }


async def test_of_businesses_those_that_one_owns_are_exported(stores: Stores) -> None:
    owner = uuid4()
    theirs = {await a_business(stores, owner_id=str(owner)) for _ in range(2)}
    await a_business(stores)
    rows = await all_of(stores.businesses.exported(owner))
    assert {row["_id"] for row in rows} == theirs


async def test_schedules_are_exported_with_what_they_will_say(stores: Stores) -> None:
    sender, recipient = uuid4(), uuid4()
    schedule = Schedule(
        id=uuid4(),
        sender=sender,
        recipient_id=recipient,
        kind="system_announcement",
        title="Hello",
        send_at=NOON + MINUTE,
        created_at=NOON,
    )
    await stores.scheduled_sends.add(
        schedule, an_event(data={"message": "Hello there"}), now=schedule.created_at
    )
    for whose in ({"sender": sender}, {"recipient_id": recipient}):
        (row,) = await all_of(stores.scheduled_sends.exported(**whose))
        assert (row["_id"], row["request"]) == (schedule.id, {"message": "Hello there"})
    await stores.scheduled_sends.cancel(schedule.id, sender)
    (row,) = await all_of(stores.scheduled_sends.exported(sender=sender))
    assert "request" not in row
    assert await all_of(stores.scheduled_sends.exported(sender=recipient)) == []


async def keep(stores: Stores, user_id: UUID, *ages: timedelta) -> list[UUID]:
    """Store a row for each of `ages` and return their ids, newest first."""
    rows = [a_row(user_id, created_at=NOON - age) for age in ages]
    for start in range(0, len(rows), 1_000):
        await stores.notifications.insert(rows[start : start + 1_000])
    return [row.id for row in sorted(rows, key=lambda row: (row.created_at, row.id), reverse=True)]


@pytest.mark.parametrize(
    "ages",
    [
        [],
        [timedelta()],
        [timedelta(), timedelta(days=1), timedelta(days=400), timedelta(days=20_000)],
        [n * MS for n in range(2 * ROWS_AT_ONCE + 100)],
        [timedelta(days=30) + n * SECOND for n in range(ROWS_AT_ONCE + 1)],
        [timedelta(days=n % 7, hours=n % 11) for n in range(ROWS_AT_ONCE * 2)],
        # As many at one instant as no window can part.
        [timedelta(days=1)] * (ROWS_AT_ONCE + 1) + [timedelta(days=2)],
    ],
    ids=["none", "one", "far apart", "dense", "dense long ago", "in heaps", "at one instant"],
)
async def test_a_history_is_whole_and_in_order(stores: Stores, ages: list[timedelta]) -> None:
    user_id = uuid4()
    kept = await keep(stores, user_id, *ages)
    parts = [rows async for rows in stores.history.of(user_id, until=NOON + MS)]
    assert [row["_id"] for rows in parts for row in rows] == kept
    largest = max(map(len, parts), default=0)
    assert largest <= ROWS_AT_ONCE or len(set(ages)) == 2


async def test_a_history_has_what_inboxes_do_not_show(stores: Stores) -> None:
    user_id, other = uuid4(), uuid4()
    (deleted, read) = await keep(stores, user_id, timedelta(), SECOND)
    await stores.notifications.delete(user_id, deleted, at=NOON)
    await stores.notifications.mark_read(user_id, [read], at=NOON)
    email_only = a_row(user_id, in_app=False, created_at=NOON - MINUTE)
    await stores.notifications.insert([email_only, a_row(other)])
    rows = await all_of(stores.history.of(user_id, until=NOON + MS))
    assert [row["_id"] for row in rows] == [deleted, read, email_only.id]
    assert rows[0]["is_deleted"]
    assert rows[0]["channels"] == {"in_app": {"status": "delivered"}}
