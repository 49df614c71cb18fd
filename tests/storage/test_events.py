from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from storage.events import KEPT, Fenced, Progress
from tests.storage.accepted_events import accepted, raw
from tests.storage.samples import MINUTE, NOON, OURS, an_event

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.stores import Stores


@pytest.fixture(autouse=True)
async def _no_events_of_other_tests(database: AsyncIOMotorDatabase[Document]) -> None:
    await database["events"].delete_many({})


async def test_events_are_new_the_first_time_only(stores: Stores) -> None:
    events = [an_event() for _ in range(5)]
    assert await stores.events.accept(events[:3], accepted_at=NOON) == {
        event.key for event in events[:3]
    }
    assert await stores.events.accept(events, accepted_at=NOON + MINUTE) == {
        event.key for event in events[3:]
    }
    assert await stores.events.accept(events, accepted_at=NOON + MINUTE) == set()
    assert await stores.events.pending_count() == 5


async def test_an_event_twice_in_a_batch_is_new_once(stores: Stores) -> None:
    event, other = an_event(), an_event()
    assert await stores.events.accept([event, other, event], accepted_at=NOON) == {
        event.key,
        other.key,
    }
    assert await stores.events.pending_count() == 2


async def test_no_events_are_no_write(stores: Stores) -> None:
    assert await stores.events.accept([], accepted_at=NOON) == set()


async def test_what_is_claimed_is_what_was_accepted(stores: Stores) -> None:
    data = {"name": "$x", "price": 20.5, "nested": {"a": [1, None, True]}, "emoji": "🥖"}
    occurred_at = NOON - timedelta(microseconds=1_234_567)
    event = an_event(data=data, occurred_at=occurred_at)
    accepted_at = NOON + timedelta(microseconds=123_456)
    await stores.events.accept([event], accepted_at=accepted_at)
    (stored,) = await stores.events.claim_unowned(
        OURS, lanes=["fan_out"], limit=10, now=NOON + MINUTE
    )
    assert stored == event.stored(accepted_at)
    assert stored.data == data
    assert stored.accepted_at == NOON + timedelta(milliseconds=123)
    assert (stored.cursor, stored.attempts, stored.takeovers) == (None, 0, 0)


async def test_payloads_are_never_stored_in_the_clear(
    stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    (event,) = await accepted(stores, data={"email": "anna@example.org"})
    assert "anna@example.org" not in repr(await raw(database, event.key))


async def test_a_finished_event_is_blank_and_nobodys_and_still_known(
    stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    (event,) = await accepted(stores, lease=OURS)
    await stores.events.finish(event.key, OURS, at=NOON + MINUTE)
    stored = await raw(database, event.key)
    assert (stored["state"], stored["data"], stored["done_at"]) == ("done", None, NOON + MINUTE)
    assert "pending_owner" not in stored
    assert stored["purge_at"] == NOON + KEPT
    with pytest.raises(Fenced):
        await stores.events.finish(event.key, OURS, at=NOON + MINUTE)
    assert await stores.events.pending_count() == 0
    assert await stores.events.accept([event], accepted_at=NOON + MINUTE) == set()


async def test_many_are_finished_at_once(
    stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    events = await accepted(stores, 3, lease=OURS)
    await stores.events.finish_all([event.key for event in events], OURS, at=NOON + MINUTE)
    stored = [await raw(database, event.key) for event in events]
    assert [(row["state"], row["data"]) for row in stored] == [("done", None)] * 3


async def test_a_failed_event_keeps_its_payload_for_an_operator(
    stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    (event,) = await accepted(stores, lease=OURS)
    await stores.events.fail(event.key, OURS, error="ValueError()", at=NOON + MINUTE)
    stored = await raw(database, event.key)
    assert (stored["state"], stored["error"]) == ("failed", "ValueError()")
    assert stored["data"] is not None
    assert await stores.events.held(OURS) == []


async def test_the_store_itself_removes_events_after_their_time(
    database: AsyncIOMotorDatabase[Document],
) -> None:
    indexes = await database["events"].index_information()
    assert indexes["purge"]["expireAfterSeconds"] == 0
    assert indexes["purge"]["key"] == [("purge_at", 1)]
    assert timedelta(days=180) == KEPT


async def test_how_far_an_event_is_can_be_asked_by_who_did_not_carry_it_out(
    stores: Stores,
) -> None:
    pending, done, refused, failed = [an_event(lease=OURS) for _ in range(4)]
    await stores.events.accept([pending, done, refused, failed], accepted_at=NOON)
    await stores.events.finish_all([done.key], OURS, at=NOON)
    await stores.events.finish_all([refused.key], OURS, at=NOON, refusal="daily_cap")
    await stores.events.fail(failed.key, OURS, error="Blunder", at=NOON)
    progress = [await stores.events.progress(each.key) for each in (pending, done, refused, failed)]
    assert progress == [
        Progress(NOON, "pending", None),
        Progress(NOON, "done", None),
        Progress(NOON, "done", "daily_cap"),
        Progress(NOON, "failed", None),
    ]
    assert await stores.events.progress(uuid4()) is None
