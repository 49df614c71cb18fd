"""How a fan-out deals with those who cannot be told, and with others who tell the same."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from actors import retry
from actors.flows.audiences import Audiences
from actors.flows.content import Content
from actors.flows.fan_out import Account, FanOut, OneContent, Overtaken, Passed
from actors.notice import Notice
from rules.events import Lane
from rules.kinds import KINDS, Channel
from rules.recipients import Recipient
from storage.businesses import BusinessChange
from storage.client import StoreUnavailable
from storage.events import NewEvent, StoredEvent
from storage.stores import Stores
from storage.users import ProfileChange
from tests.actors.lanes.works import Works, works
from tests.storage.samples import NOON, an_event
from tests.support.world import eventually

__all__ = ["works"]


class Telling(Account):
    """Tells some users; what else it does is what the test says."""

    def __init__(self, stores: Stores, ids: Sequence[UUID]) -> None:
        self.audience = Audiences(stores).named(ids)
        self.cannot_be_told: set[UUID] = set()
        self.passed: list[Passed] = []
        self.fails_always = False
        self.away = 0
        self.is_overtaken = False
        self.may = True
        self.has_ended = False

    async def plan(self, event: StoredEvent) -> FanOut | None:
        return self

    async def notices(
        self, event: StoredEvent, recipients: Sequence[Recipient]
    ) -> Sequence[Notice]:
        if self.away:
            self.away -= 1
            raise StoreUnavailable("away")
        if self.fails_always or not self.cannot_be_told.isdisjoint(
            each.user_id for each in recipients
        ):
            raise LookupError("bad")
        content = Content(kind=KINDS["business_update"], title="t", message="m")
        return [Notice(event=event, content=content, recipients=recipients)]

    async def may_go_on(self) -> bool:
        return self.may

    async def note(self, passed: Passed) -> None:
        if self.is_overtaken:
            self.is_overtaken = False
            raise Overtaken
        self.passed.append(passed)

    async def end(self) -> None:
        self.has_ended = True


async def telling(works: Works, count: int) -> tuple[Telling, list[UUID]]:
    ids = sorted(uuid4() for _ in range(count))
    changes = [ProfileChange(user_id, {"user_type": "ngo"}, NOON) for user_id in ids]
    await works.stores.users.apply(changes)
    made = Telling(works.stores, ids)
    works.fan_outs.plan = made.plan
    return made, ids


def fan_out(**changes: Any) -> NewEvent:
    return an_event(type="listing.created", lane="fan_out", **changes)


async def told(works: Works, event: NewEvent) -> set[UUID]:
    rows = await works.stores.notifications._rows.find({"event_id": event.key})
    return {row["recipient_id"] for row in rows}


async def test_who_cannot_be_told_does_not_keep_the_others(works: Works) -> None:
    made, ids = await telling(works, 9)
    made.cannot_be_told = {ids[0], ids[5]}
    event = fan_out()
    await works.accept(event)
    await works.reach("done", event)
    assert await told(works, event) == set(ids) - made.cannot_be_told
    (passed,) = made.passed
    assert {each.user_id for each in passed.failed} == made.cannot_be_told
    assert len(passed.rows) == 7
    assert (passed.cursor, passed.to) == (0, 9)
    assert made.has_ended


@pytest.mark.parametrize("count", [1, 2, 20])
async def test_where_nobody_can_be_told_the_event_is_put_off(works: Works, count: int) -> None:
    made, ids = await telling(works, count)
    made.cannot_be_told = set(ids)
    event = fan_out()
    await works.accept(event)
    await works.reach("unowned", event)
    assert await told(works, event) == set()
    assert made.passed == []


async def test_an_audience_of_nobody_that_fails_is_put_off(works: Works) -> None:
    business_id = uuid4()
    made, _ = await telling(works, 0)
    made.audience = Audiences(works.stores).followers(
        await _business(works.stores, business_id), following_at=NOON
    )

    made.fails_always = True
    event = fan_out()
    await works.accept(event)
    await works.reach("unowned", event)


async def _business(stores: Stores, business_id: UUID) -> Any:
    await stores.businesses.apply([BusinessChange(business_id, {"name": "b"}, NOON)])
    return await stores.businesses.get(business_id)


async def test_one_content_is_told_to_everybody_and_asks_for_nothing_else(works: Works) -> None:
    made, ids = await telling(works, 3)
    content = Content(kind=KINDS["business_update"], title="t", message="m")
    one = OneContent(content, made.audience, (Channel.IN_APP, Channel.EMAIL))

    async def plan(_: StoredEvent) -> FanOut | None:
        return one

    works.fan_outs.plan = plan
    event = fan_out()
    await works.accept(event)
    await works.reach("done", event)
    rows = await works.stores.notifications._rows.find({"event_id": event.key})
    assert {row["recipient_id"] for row in rows} == set(ids)
    assert all(list(row["channels"]) == ["in_app", "email"] for row in rows)


async def test_a_batch_is_told_once_the_store_is_back(works: Works) -> None:
    made, ids = await telling(works, 3)
    made.away = 1
    event = fan_out()
    await works.accept(event)
    await works.reach("done", event)
    assert await told(works, event) == set(ids)


async def test_what_may_not_go_on_is_finished_as_it_is(works: Works) -> None:
    made, _ = await telling(works, 3)
    made.may = False
    event = fan_out()
    await works.accept(event)
    await works.reach("done", event)
    assert await told(works, event) == set()
    assert not made.has_ended


async def test_who_is_overtaken_begins_again_from_where_it_is_by_now(works: Works) -> None:
    made, ids = await telling(works, 3)
    made.is_overtaken = True
    event = fan_out()
    await works.accept(event)
    await works.reach("done", event)
    assert await told(works, event) == set(ids)
    assert len(made.passed) == 1


async def test_an_event_that_is_given_up_is_told_of_first(works: Works) -> None:
    given_up: list[tuple[UUID, str]] = []

    async def note(event: StoredEvent, error: Exception) -> None:
        assert await works.states(new) == ["pending"]
        given_up.append((event.key, str(error)))

    works.on_given_up = note
    await _restarted(works)
    works.flow.fails = lambda _: LookupError("bad")
    new = fan_out()
    await works.accept(new)
    await works.reach("unowned", new)
    assert given_up == []
    await _last_try(works, new)
    await works.reach("failed", new)
    assert given_up == [(new.key, "bad")]


async def test_an_event_is_not_given_up_while_nobody_can_be_told_of_it(works: Works) -> None:
    asked: list[UUID] = []

    async def note(event: StoredEvent, error: Exception) -> None:
        asked.append(event.key)
        raise StoreUnavailable("away")

    works.on_given_up = note
    await _restarted(works)
    works.flow.fails = lambda _: LookupError("bad")
    new = fan_out()
    await works.accept(new)
    await works.reach("unowned", new)
    await _last_try(works, new)
    workload = works.lanes.workload(Lane.FAN_OUT)

    async def is_let_go() -> bool:
        return bool(asked) and new.key not in workload

    await eventually(is_let_go)
    assert await works.states(new) == ["pending"]


async def _restarted(works: Works) -> None:
    """Start the lane anew, which is then as the test says."""
    old = works.supervisor.ref(Lane.FAN_OUT)
    old.tell("what is this")

    async def is_another() -> bool:
        ref = works.supervisor._children[Lane.FAN_OUT].ref
        return ref is not old and ref.is_alive()

    await eventually(is_another)


async def _last_try(works: Works, event: NewEvent) -> None:
    """Have the event carried out for the last time."""
    await works.stores.events._events.update_one(
        {"_id": event.key},
        {"$set": {"pending_owner": works.lease.owner, "epoch": works.lease.epoch}},
    )
    assert works.lanes.workload(Lane.FAN_OUT).take(event.key)
    stored = replace(event.stored(works.clock.store_now()), attempts=retry.ATTEMPTS - 1)
    works.lanes.hand(Lane.FAN_OUT, [stored])


async def test_a_lane_with_a_pace_keeps_to_it(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rules.batching.FIRST_ROWS", 25)
    works.recipients_per_s = 100.0
    await _restarted(works)
    made, ids = await telling(works, 75)
    event = fan_out()
    began = time.monotonic()
    await works.accept(event)
    await works.reach("done", event)
    assert await told(works, event) == set(ids)
    batches = [len(passed.rows) for passed in made.passed]
    assert len(batches) > 1
    assert time.monotonic() - began >= sum(batches[:-1]) / 100.0
