"""Places for the updates of a day: exact, and taken in the moment in which an update is durable."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from actors.business_updates import (
    DAILY_UPDATES,
    POSTED,
    BusinessUpdates,
    DailyUpdatesSpent,
    Update,
)
from actors.dispatcher import Dispatcher
from actors.lanes import Lanes
from actors.loop_ref import LoopActorRef
from actors.tally import Tally
from rules.events import Lane
from rules.lease import Lease
from storage.businesses import Business
from storage.events import EventsRepository, StoredEvent
from storage.positions import PositionClock
from storage.stores import Stores

SOON_S = 30.0
HERE = Lease("here:8000", 1)
JOHANNESBURG = "Africa/Johannesburg"
UPDATE = Update("Closed on Monday", "We are back on Tuesday.", {"week": 48}, None)
AN_HOUR_BEFORE_MIDNIGHT = datetime(2026, 11, 22, 21, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 22, 22, tzinfo=UTC)


class LateReader:
    """The events as somebody sees them who looked before the first was there."""

    def __init__(self, events: EventsRepository) -> None:
        self._events = events
        self._has_looked = False

    async def ids(self, keys: Collection[UUID]) -> dict[UUID, str]:
        if self._has_looked:
            return await self._events.ids(keys)
        self._has_looked = True
        return {}


class Desk:
    """Where one business posts."""

    def __init__(self, stores: Stores, dispatcher: LoopActorRef[Dispatcher]) -> None:
        self.stores = stores
        self._dispatcher = dispatcher
        self.business = Business(
            id=uuid4(),
            owner_id=uuid4(),
            name="Corner Bakery",
            logo=None,
            address=None,
            rating=None,
            followers_count=0,
        )

    async def post(
        self,
        work_id: UUID,
        *,
        at: datetime = AN_HOUR_BEFORE_MIDNIGHT,
        timezone: str = JOHANNESBURG,
        events: Any = None,
    ) -> None:
        updates = BusinessUpdates(lambda: self._dispatcher, events or self.stores.events)
        await updates.post(work_id, self.business, UPDATE, timezone=timezone, at=at)

    async def posted(self) -> list[StoredEvent]:
        """Take what was made durable; nobody has it, for no lane here has room."""
        found = await self.stores.events.claim_unowned(
            HERE, lanes=[Lane.FAN_OUT], limit=100, now=datetime(2100, 1, 1, tzinfo=UTC)
        )
        return [event for event in found if event.sender == self.business.id]


@pytest.fixture
async def desk(stores: Stores) -> AsyncIterator[Desk]:
    lanes = Lanes()
    lanes.add(Lane.FAN_OUT, lambda: pytest.fail("there is no room"))
    dispatcher = Dispatcher.start(stores.events, lanes, PositionClock(), HERE, Tally())
    yield Desk(stores, dispatcher)
    await dispatcher.stop_and_wait(deadline_s=SOON_S)


async def test_an_update_is_an_event_of_the_business(desk: Desk) -> None:
    work_id = uuid4()
    await desk.post(work_id)
    (event,) = await desk.posted()
    assert (event.type, event.event_id, event.lane) == (POSTED, str(work_id), "fan_out")
    assert event.occurred_at == AN_HOUR_BEFORE_MIDNIGHT
    assert event.data == {
        "business_id": str(desk.business.id),
        "title": "Closed on Monday",
        "message": "We are back on Tuesday.",
        "data": {"week": 48},
        "image_url": None,
    }


async def test_a_day_has_five_places_and_ends_at_midnight_there(desk: Desk) -> None:
    for _ in range(DAILY_UPDATES):
        await desk.post(uuid4())
    with pytest.raises(DailyUpdatesSpent) as raised:
        await desk.post(uuid4())
    assert (raised.value.limit, raised.value.retry_after_s) == (DAILY_UPDATES, 3_600)
    await desk.post(uuid4(), at=MIDNIGHT)
    assert len(await desk.posted()) == DAILY_UPDATES + 1


async def test_what_is_posted_already_is_not_posted_again_even_when_the_day_is_spent(
    desk: Desk,
) -> None:
    work_ids = [uuid4() for _ in range(DAILY_UPDATES)]
    for work_id in work_ids:
        await desk.post(work_id)
    for work_id in work_ids:
        await desk.post(work_id)
    assert len(await desk.posted()) == DAILY_UPDATES


async def test_who_finds_a_place_taken_meanwhile_takes_the_next(desk: Desk) -> None:
    first, second = uuid4(), uuid4()
    await desk.post(first)
    await desk.post(second, events=LateReader(desk.stores.events))
    assert {event.event_id for event in await desk.posted()} == {str(first), str(second)}


async def test_who_finds_that_another_try_of_the_same_was_quicker_is_content(desk: Desk) -> None:
    work_id = uuid4()
    await desk.post(work_id)
    await desk.post(work_id, events=LateReader(desk.stores.events))
    assert [event.event_id for event in await desk.posted()] == [str(work_id)]


async def test_the_last_place_can_be_lost_too(desk: Desk) -> None:
    for _ in range(DAILY_UPDATES):
        await desk.post(uuid4())
    with pytest.raises(DailyUpdatesSpent):
        await desk.post(uuid4(), events=LateReader(desk.stores.events))
