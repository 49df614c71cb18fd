"""Whose an event is, and when it is anybody's."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from rules.lease import Lease
from storage.client import open_client
from storage.encryption import FieldCipher
from storage.events import Fenced
from storage.positions import PositionClock
from storage.stores import open_stores
from tests.storage.accepted_events import accepted, raw
from tests.storage.samples import MINUTE, NOON, OURS, SECOND, THEIRS, an_event

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.stores import Stores


@pytest.fixture(autouse=True)
async def _no_events_of_other_tests(database: AsyncIOMotorDatabase[Document]) -> None:
    await database["events"].delete_many({})


async def test_an_event_with_a_lease_is_owned_from_the_start(stores: Stores) -> None:
    (ours,) = await accepted(stores, lease=OURS)
    (nobodys,) = await accepted(stores)
    claimed = await stores.events.claim_unowned(
        THEIRS, lanes=["fan_out"], limit=10, now=NOON + MINUTE
    )
    assert [event.key for event in claimed] == [nobodys.key]
    assert [event.key for event in await stores.events.held(OURS)] == [ours.key]


async def test_unowned_events_are_claimed_by_lane_oldest_first_up_to_the_limit(
    stores: Stores,
) -> None:
    keys = []
    for number in range(4):
        event = an_event(lane="single" if number == 1 else "fan_out")
        keys.append(event.key)
        await stores.events.accept([event], accepted_at=NOON + number * SECOND)
    now = NOON + MINUTE
    claim = stores.events.claim_unowned
    first = await claim(OURS, lanes=["fan_out"], limit=2, now=now)
    assert [event.key for event in first] == [keys[0], keys[2]]
    rest = await claim(OURS, lanes=["single", "fan_out", "critical"], limit=2, now=now)
    assert [event.key for event in rest] == [keys[1], keys[3]]
    assert await claim(OURS, lanes=["fan_out"], limit=2, now=now) == []


async def test_a_postponed_event_is_not_claimed_before_its_time(
    stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    (event,) = await accepted(stores, lease=OURS)
    retry_at = NOON + 5 * MINUTE
    await stores.events.postpone(event.key, OURS, retry_at=retry_at, error="no luck")
    claim = stores.events.claim_unowned
    assert await claim(THEIRS, lanes=["fan_out"], limit=5, now=retry_at - SECOND) == []
    (claimed,) = await claim(THEIRS, lanes=["fan_out"], limit=5, now=retry_at)
    assert claimed.attempts == 1
    assert (await raw(database, event.key))["error"] == "no luck"


async def test_released_events_are_anybodys_and_keep_their_cursor(stores: Stores) -> None:
    (ours,) = await accepted(stores, lease=OURS)
    (theirs,) = await accepted(stores, lease=THEIRS)
    await stores.events.advance(ours.key, OURS, 77)
    await stores.events.release([ours.key, theirs.key], OURS)
    (claimed,) = await stores.events.claim_unowned(
        THEIRS, lanes=["fan_out"], limit=10, now=NOON + MINUTE
    )
    assert (claimed.key, claimed.cursor, claimed.attempts) == (ours.key, 77, 0)
    assert {event.key for event in await stores.events.held(THEIRS)} == {ours.key, theirs.key}


async def test_events_of_a_dead_owner_are_taken_at_their_cursor(stores: Stores) -> None:
    events = await accepted(stores, 3, lease=THEIRS)
    await stores.events.advance(events[0].key, THEIRS, 1024)
    claim = stores.events.claim_from
    some = await claim(THEIRS.owner, below_epoch=99, lease=OURS, limit=2)
    rest = await claim(THEIRS.owner, below_epoch=99, lease=OURS, limit=2)
    assert [len(some), len(rest)] == [2, 1]
    taken = {event.key: event for event in some + rest}
    assert taken.keys() == {event.key for event in events}
    assert taken[events[0].key].cursor == 1024
    assert {event.takeovers for event in taken.values()} == {1}
    assert {event.attempts for event in taken.values()} == {0}
    with pytest.raises(Fenced) as caught:
        await stores.events.advance(events[0].key, THEIRS, 2048)
    assert caught.value.key == events[0].key


async def test_it_is_known_whether_a_dead_incarnation_has_left_anything(stores: Stores) -> None:
    await accepted(stores, lease=THEIRS)
    has_pending = stores.events.has_pending
    assert await has_pending(THEIRS.owner, below_epoch=THEIRS.epoch + 1)
    assert not await has_pending(THEIRS.owner, below_epoch=THEIRS.epoch)
    assert not await has_pending(OURS.owner, below_epoch=99)
    await stores.events.claim_from(THEIRS.owner, below_epoch=99, lease=OURS, limit=9)
    assert not await has_pending(THEIRS.owner, below_epoch=THEIRS.epoch + 1)


async def test_an_incarnation_gives_back_all_that_is_its_own(stores: Stores) -> None:
    ours = await accepted(stores, 3, lease=OURS)
    (theirs,) = await accepted(stores, lease=THEIRS)
    await stores.events.release_all(OURS)
    assert await stores.events.held(OURS) == []
    assert [event.key for event in await stores.events.held(THEIRS)] == [theirs.key]
    claimed = await stores.events.claim_unowned(
        THEIRS, lanes=["fan_out"], limit=10, now=NOON + MINUTE
    )
    assert {event.key for event in claimed} == {event.key for event in ours}


async def test_an_event_whose_payload_cannot_be_read_is_given_up_and_holds_up_no_other(
    stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    """Its key was taken out of the settings too early."""
    other_key = open_stores(database, FieldCipher([bytes(32)]), PositionClock())
    (unreadable,) = await accepted(other_key, lease=OURS)
    (readable,) = await accepted(stores, lease=OURS)
    assert [event.key for event in await stores.events.held(OURS)] == [readable.key]
    stored = await raw(database, unreadable.key)
    assert (stored["state"], "pending_owner" in stored) == ("failed", False)
    assert [event.key for event in await stores.events.held(OURS)] == [readable.key]


async def test_only_earlier_incarnations_lose_their_events(stores: Stores) -> None:
    earlier = replace(OURS, epoch=OURS.epoch - 1)
    (old,) = await accepted(stores, lease=earlier)
    (current,) = await accepted(stores, lease=OURS)
    taken = await stores.events.claim_from(OURS.owner, below_epoch=OURS.epoch, lease=OURS, limit=10)
    assert [event.key for event in taken] == [old.key]
    assert {event.key for event in await stores.events.held(OURS)} == {old.key, current.key}


@pytest.mark.parametrize(
    "stranger",
    [THEIRS, replace(OURS, epoch=OURS.epoch - 1), replace(OURS, epoch=OURS.epoch + 1)],
)
@pytest.mark.parametrize("act", ["advance", "finish", "fail", "postpone"])
async def test_who_does_not_own_an_event_cannot_change_it(
    stores: Stores, database: AsyncIOMotorDatabase[Document], stranger: Lease, act: str
) -> None:
    (event,) = await accepted(stores, lease=OURS)
    before = await raw(database, event.key)
    with pytest.raises(Fenced):
        await {
            "advance": lambda: stores.events.advance(event.key, stranger, 5),
            "finish": lambda: stores.events.finish(event.key, stranger, at=NOON),
            "fail": lambda: stores.events.fail(event.key, stranger, error="", at=NOON),
            "postpone": lambda: stores.events.postpone(
                event.key, stranger, retry_at=NOON, error=""
            ),
        }[act]()
    await stores.events.finish_all([event.key], stranger, at=NOON)
    assert await raw(database, event.key) == before


async def test_claimers_at_once_never_get_the_same_event(
    stores: Stores,
    mongodb_uri: str,
    database_name: str,
    cipher: FieldCipher,
) -> None:
    """Four processes, each with its own client, claim 200 events; some were a dead one's."""
    unowned = await accepted(stores, 120)
    dead = await accepted(stores, 80, lease=THEIRS)
    won: list[tuple[Lease, UUID]] = []

    async def claimer(number: int) -> None:
        client = open_client(mongodb_uri, app_name=f"claimer {number}")
        events = open_stores(client[database_name], cipher, PositionClock()).events
        lease = Lease(f"claimer {number}", 1)
        try:
            while True:
                claimed = await events.claim_unowned(
                    lease, lanes=["fan_out"], limit=15, now=NOON + MINUTE
                )
                claimed += await events.claim_from(
                    THEIRS.owner, below_epoch=99, lease=lease, limit=15
                )
                won.extend((lease, event.key) for event in claimed)
                if not claimed and len(won) >= 200:
                    return
        finally:
            await client.aclose()

    async with asyncio.timeout(15):
        await asyncio.gather(*map(claimer, range(4)))
    assert len(won) == 200
    assert {key for _, key in won} == {event.key for event in unowned + dead}
    for lease in {lease for lease, _ in won}:
        held = {event.key for event in await stores.events.held(lease)}
        assert held == {key for winner, key in won if winner == lease}


async def test_an_event_whose_lease_nobody_claims_from_is_left_alone(stores: Stores) -> None:
    await accepted(stores, lease=OURS)
    assert await stores.events.claim_from("nobody", below_epoch=99, lease=OURS, limit=9) == []
    assert await stores.events.claim_unowned(OURS, lanes=[], limit=9, now=NOON) == []
    await stores.events.release([uuid4()], OURS)
