"""A large fan-out is told by several processes, and everybody is told once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from actors.claimer import Claim, Help, TakeOver
from actors.flows.audience import Audience
from actors.flows.audiences import Audiences
from actors.flows.content import Content
from actors.flows.fan_out import Account, FanOut
from actors.notice import Notice
from actors.shares import OFFERED_FOR
from rules.events import Lane
from rules.kinds import KINDS
from rules.recipients import Recipient
from storage.client import StoreUnavailable
from storage.events import EventsRepository, NewEvent, StoredEvent
from storage.stores import Stores
from storage.users import ProfileChange
from tests.actors.lanes.works import SOON_S, Works
from tests.storage.samples import NOON, an_event
from tests.support.world import eventually

PEOPLE = 200
CONTENT = Content(kind=KINDS["business_update"], title="t", message="m")


class Telling:
    """Tells everybody, and from the second batch on only while it may."""

    def __init__(self, audience: Audience) -> None:
        self.audience = audience
        self.may_go_on = asyncio.Event()
        self.batches = 0
        self.keys: set[UUID] = set()
        self.is_withdrawn = False

    async def plan(self, event: StoredEvent) -> FanOut | None:
        self.keys.add(event.key)
        return None if self.is_withdrawn else self

    async def notices(
        self, event: StoredEvent, recipients: Sequence[Recipient]
    ) -> Sequence[Notice]:
        self.batches += 1
        if self.batches > 1:
            await self.may_go_on.wait()
        return [Notice(event=event, content=CONTENT, recipients=recipients)]


class Pair:
    """Two processes on one store, and a fan-out to many that comes to the first of them."""

    def __init__(self, stores: Stores, here: Works, there: Works, ids: Sequence[UUID]) -> None:
        self.stores = stores
        self.here = here
        self.there = there
        self.ids = list(ids)
        self.telling_here, self.telling_there = self.telling(), self.telling()
        here.fan_outs.plan = self.telling_here.plan
        there.fan_outs.plan = self.telling_there.plan
        here.is_alone = there.is_alone = False
        self.event: NewEvent = an_event(type="listing.created", lane="fan_out")

    def telling(self) -> Telling:
        return Telling(Audiences(self.stores).named(self.ids))

    async def begin(self) -> None:
        """Have the first batch told here, and a share offered if that is to be."""
        await self.here.accept(self.event)
        await eventually(self._is_at_the_second)

    async def _is_at_the_second(self) -> bool:
        return self.telling_here.batches > 1

    async def shares(self) -> list[NewEvent]:
        found = await self.stores.events._events.find({"share_of": self.event.key})
        return [an_event(key=row["_id"], data=row) for row in found]

    async def told(self) -> list[UUID]:
        rows = await self.stores.notifications._rows.find({"event_id": self.event.key})
        return sorted(row["recipient_id"] for row in rows)

    async def writers(self) -> set[str]:
        rows = await self.stores.notifications._rows.find({"event_id": self.event.key})
        return {row["writer"] for row in rows}

    async def all_done(self) -> bool:
        """Tell whether the fan-out and its shares are finished; have those that lie taken here."""
        await self.here.ask_claimer(Claim())
        states = await self.here.states(self.event, *await self.shares())
        return set(states) == {"done"}


@pytest.fixture
async def pair(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pair]:
    monkeypatch.setattr("rules.batching.FIRST_ROWS", 20)
    monkeypatch.setattr("rules.batching.FEWEST_ROWS", 20)
    monkeypatch.setattr("rules.batching.MOST_ROWS", 20)
    monkeypatch.setattr("actors.shares.FEWEST_ROWS", 40)
    monkeypatch.setattr("actors.shares.LOOK_EVERY_S", 0.0)
    monkeypatch.setattr("actors.shares.OFFERED_FOR", timedelta(0))
    # A share that another test has left would be the one that nobody has.
    await stores.events._events.delete_many({})
    ids = sorted(uuid4() for _ in range(PEOPLE))
    changes = [ProfileChange(user_id, {"user_type": "ngo"}, NOON) for user_id in ids]
    await stores.users.apply(changes)
    here, there = [
        Works(stores, await stores.processes.register(f"{name}:{uuid4()}", "server"))
        for name in ("here", "there")
    ]
    made = Pair(stores, here, there, ids)
    yield made
    made.telling_here.may_go_on.set()
    made.telling_there.may_go_on.set()
    for works in (here, there):
        await works.dispatcher.stop_and_wait(deadline_s=SOON_S)
        await works.claimer.stop_and_wait(deadline_s=SOON_S)
        await works.supervisor.stop_all(deadline_s=SOON_S)


async def test_who_has_nothing_to_do_takes_half_and_everybody_is_told_once(pair: Pair) -> None:
    await pair.begin()
    pair.there.is_alone = True
    (share,) = await pair.shares()
    assert await pair.here.states(share) == ["unowned"]
    assert share.data["until"] == PEOPLE
    # What was told, and read ahead, is not shared: of the 160 that are left half are.
    assert share.data["cursor"] == 120
    pair.telling_there.may_go_on.set()
    await pair.there.ask_claimer(Help())
    await pair.there.reach("done", share)
    assert await pair.told() == pair.ids[:20] + pair.ids[120:]
    pair.telling_here.may_go_on.set()
    await eventually(pair.all_done)
    assert await pair.told() == pair.ids
    assert await pair.writers() == {str(pair.here.lease), str(pair.there.lease)}
    assert pair.telling_there.keys == {pair.event.key}
    tallies = pair.here.tally.fan_out_recipients, pair.there.tally.fan_out_recipients
    assert sum(tallies) == PEOPLE


async def test_there_is_one_share_at_a_time_that_nobody_has(pair: Pair) -> None:
    pair.telling_here.may_go_on.set()
    await pair.here.accept(pair.event)
    await pair.here.reach("done", pair.event)
    (share,) = await pair.shares()
    assert await pair.here.states(share) == ["unowned"]
    assert await pair.told() == pair.ids[:120]
    # Where nobody else takes it, it is done here.
    await eventually(pair.all_done)
    assert await pair.told() == pair.ids


async def test_who_took_a_share_offers_half_of_it(pair: Pair) -> None:
    await pair.begin()
    pair.telling_there.may_go_on.set()
    await pair.there.ask_claimer(Help())

    async def has_offered() -> bool:
        return len(await pair.shares()) > 1

    await eventually(has_offered)
    pair.telling_here.may_go_on.set()
    await eventually(pair.all_done)
    assert await pair.told() == pair.ids


async def test_who_tells_somebody_does_not_help(pair: Pair) -> None:
    await pair.begin()
    own = an_event(type="listing.created", lane="fan_out")
    assert pair.there.lanes.workload(Lane.FAN_OUT).take(own.key)
    await pair.there.ask_claimer(Help())
    (share,) = await pair.shares()
    assert await pair.here.states(share) == ["unowned"]
    await pair.there.ask_claimer(Claim())
    assert await pair.here.states(share) == ["pending"]


async def test_a_share_is_for_a_while_only_for_those_who_tell_nobody(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.shares.OFFERED_FOR", OFFERED_FOR)
    await pair.begin()
    (share,) = await pair.shares()
    await pair.here.ask_claimer(Claim())
    assert await pair.here.states(share) == ["unowned"]
    await pair.there.ask_claimer(Help())
    assert await pair.here.states(share) == ["pending"]


async def test_who_is_alone_shares_nothing(pair: Pair) -> None:
    pair.here.is_alone = True
    pair.telling_here.may_go_on.set()
    await pair.here.accept(pair.event)
    await pair.here.reach("done", pair.event)
    assert await pair.shares() == []
    assert await pair.told() == pair.ids


async def test_a_share_of_one_who_died_goes_on_where_it_was(pair: Pair) -> None:
    await pair.begin()
    await pair.there.ask_claimer(Help())

    async def has_told_some() -> bool:
        return pair.telling_there.batches > 1

    await eventually(has_told_some)
    await pair.here.ask_claimer(TakeOver(pair.there.lease))
    pair.telling_here.may_go_on.set()
    await eventually(pair.all_done)
    assert await pair.told() == pair.ids
    # The dead one, had it only been slow, is not heard any more.
    pair.telling_there.may_go_on.set()

    async def has_let_go() -> bool:
        return not pair.there.lanes.workload(Lane.SHARE)

    await eventually(has_let_go)
    assert await pair.told() == pair.ids


async def test_an_owner_who_died_leaves_what_it_had_not_shared(pair: Pair) -> None:
    await pair.begin()
    pair.there.is_alone = True
    pair.telling_there.may_go_on.set()
    await pair.there.ask_claimer(TakeOver(pair.here.lease))
    await pair.there.reach("done", pair.event)
    assert await pair.told() == pair.ids[:120]
    await pair.there.ask_claimer(Help())
    await eventually(pair.all_done)
    assert await pair.told() == pair.ids


async def test_a_share_that_the_owner_has_not_left_is_told_by_both_and_to_everybody_once(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when it is killed between the two."""
    shorten = EventsRepository.shorten
    has_failed = False

    async def fail_once(*args: Any) -> None:
        nonlocal has_failed
        if not has_failed:
            has_failed = True
            raise StoreUnavailable("away")
        await shorten(*args)

    monkeypatch.setattr(EventsRepository, "shorten", fail_once)
    pair.there.is_alone = True
    pair.telling_here.may_go_on.set()
    pair.telling_there.may_go_on.set()
    await pair.here.accept(pair.event)
    await pair.here.reach("done", pair.event)
    (share,) = await pair.shares()
    assert await pair.told() == pair.ids
    await pair.there.ask_claimer(Help())
    await pair.there.reach("done", share)
    assert await pair.told() == pair.ids
    assert pair.there.tally.fan_out_recipients == share.data["until"] - share.data["cursor"]


async def test_of_what_is_withdrawn_no_share_is_told(pair: Pair) -> None:
    await pair.begin()
    pair.telling_there.is_withdrawn = True
    await pair.there.ask_claimer(Help())
    (share,) = await pair.shares()
    await pair.there.reach("done", share)
    assert await pair.told() == pair.ids[:20]


async def test_who_keeps_an_account_tells_everybody_alone(pair: Pair) -> None:
    class Counting(Account):
        audience = pair.telling_here.audience
        notices = pair.telling_here.notices

    async def plan(_: StoredEvent) -> FanOut | None:
        return Counting()

    pair.here.fan_outs.plan = plan
    pair.telling_here.may_go_on.set()
    await pair.here.accept(pair.event)
    await pair.here.reach("done", pair.event)
    assert await pair.shares() == []
    assert await pair.told() == pair.ids
