"""What is asked of an inbox elsewhere and not answered is done without, and nothing twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from actors import messages
from actors.bus_carrier import Carry
from actors.elsewhere import MOST_BYTES, Elsewhere
from actors.inbox import BY_EMAIL, Inbox
from actors.messages import Marked
from actors.pending_questions import MOST, NotAnswered
from actors.questions import Answer
from storage.redis import tagged_key
from storage.registrations import Registrations
from storage.stores import Stores
from tests.support.bus import PATIENT, BusProcess, on_the_bus, until
from tests.support.relay import relayed
from tests.support.visitors import Visitor, storeless
from tests.support.world import eventually


@pytest.fixture
async def pair(stores: Stores, redis_url: str) -> AsyncIterator[list[BusProcess]]:
    async with on_the_bus(stores, redis_url, redis_url) as processes:
        yield processes


@pytest.fixture
async def patient_pair(stores: Stores, redis_url: str) -> AsyncIterator[list[BusProcess]]:
    async with on_the_bus(stores, redis_url, redis_url, **PATIENT) as processes:
        yield processes


Do = Callable[[Inbox, Visitor], Coroutine[Any, Any, Any]]

DOINGS: list[tuple[Do, Any, int, int]] = [
    (lambda inbox, one: inbox.unread_count(one.user_id), 5, 5, 0),
    (lambda inbox, one: inbox.mark_read(one.user_id, (one.ids[0],)), Marked(0, 4), 4, 1),
    (lambda inbox, one: inbox.mark_read(one.user_id, (UUID(int=1),)), Marked(0, 5), 5, 0),
    (lambda inbox, one: inbox.mark_read(one.user_id, tuple(one.ids[:2])), Marked(0, 3), 3, 1),
    (lambda inbox, one: inbox.mark_all_read(one.user_id), Marked(0, 0), 0, 1),
    (lambda inbox, one: inbox.click(one.user_id, one.ids[0], "view"), Marked(0, 4), 4, 1),
    (lambda inbox, one: inbox.delete(one.user_id, one.ids[0]), True, 4, 1),
    (lambda inbox, one: inbox.delete(one.user_id, UUID(int=1)), False, 5, 0),
]
"""What is done, what it comes to when it was done before, how many are unread then, and how many
frames have said so."""


async def test_what_was_done_without_a_word_is_done_again_and_changes_nothing_twice(
    patient_pair: list[BusProcess],
) -> None:
    """The process that was asked is cut off from the moment it has done it."""
    here, there = patient_pair
    visitors = [await Visitor.come(there) for _ in DOINGS]
    await there.supervisor.ref("bus.carrier").stop_and_wait(deadline_s=5)
    asked = asyncio.gather(
        *(doing[0](here.inbox, visitor) for doing, visitor in zip(DOINGS, visitors, strict=True))
    )
    await until(lambda: [len(each.told) for each in visitors] == [doing[3] for doing in DOINGS])
    with capture_logs() as lines:
        for serial in here.elsewhere.pending.serials():
            here.elsewhere._give_up(serial)
        assert await asked == [doing[1] for doing in DOINGS]
    assert [line["event"] for line in lines] == ["not_answered"]
    for doing, visitor in zip(DOINGS, visitors, strict=True):
        assert await here.stores.notifications.unread_count(visitor.user_id) == doing[2]
    # Whoever was silent is not asked a second time.
    began_s = time.monotonic()
    for visitor in visitors:
        await here.inbox.unread_count(visitor.user_id)
    assert time.monotonic() - began_s < PATIENT["answer_within_s"]
    for visitor in visitors:
        # Behind all that was to be told.
        await here.publish(visitor.user_id)
    await until(lambda: all("notification.new" in each.told for each in visitors))
    for doing, visitor in zip(DOINGS, visitors, strict=True):
        # Said by the actor when it was done, and not once more.
        said = visitor.told[:-1]
        assert len(set(said)) == doing[3]
        assert len(said) == doing[3] or set(said) == {"notifications.bulk_read"}


async def test_what_a_dead_process_was_asked_is_done_by_the_store(
    pair: list[BusProcess],
) -> None:
    here, there = pair
    visitor = await Visitor.come(there)
    await there.supervisor.ref("bus.reader").stop_and_wait(deadline_s=5)
    marked = await asyncio.gather(
        *(here.inbox.mark_read(visitor.user_id, (each,)) for each in visitor.ids)
    )
    assert [each.marked_count for each in marked] == [1] * 5
    assert await here.stores.notifications.unread_count(visitor.user_id) == 0


async def test_a_process_whose_stream_is_gone_is_not_waited_for(
    pair: list[BusProcess], redis_url: str
) -> None:
    here, there = pair
    visitor = await Visitor.come(there)
    assert await storeless(here).unread_count(visitor.user_id) == 5
    await there.supervisor.ref("bus.reader").stop_and_wait(deadline_s=5)
    async with Redis.from_url(redis_url) as redis:
        await redis.delete(there.stream)
    with capture_logs() as lines:
        assert await here.inbox.unread_count(visitor.user_id) == 5
    assert "not_answered" not in {line["event"] for line in lines}


async def test_when_redis_goes_the_store_is_asked_also_for_what_was_under_way(
    stores: Stores, redis_url: str
) -> None:
    with relayed(redis_url) as relay:
        async with on_the_bus(stores, relay.url, redis_url) as (here, there):
            visitor = await Visitor.come(there)
            assert await storeless(here).unread_count(visitor.user_id) == 5
            asked = [
                asyncio.ensure_future(here.inbox.mark_read(visitor.user_id, (each,)))
                for each in visitor.ids
            ]
            await asyncio.sleep(0)
            relay.vanish()
            await asyncio.gather(*asked)
            assert await here.inbox.unread_count(visitor.user_id) == 0
            await until(lambda: not here.peers.is_joined)
            assert await here.inbox.unread_count(visitor.user_id) == 0
            stranger = await Visitor.come(there)
            lost_since = here.peers.lost_since
            # As in the moment before it is known that Redis is away.
            here.peers.is_joined, here.peers.lost_since = True, None
            assert await here.inbox.unread_count(stranger.user_id) == 5
            here.peers.is_joined, here.peers.lost_since = False, lost_since
            relay.appear()
            await until(lambda: here.peers.is_joined)


async def test_a_question_that_is_too_long_or_one_too_many_is_not_asked(
    pair: list[BusProcess],
) -> None:
    here, there = pair
    visitor = await Visitor.come(there)
    too_many = tuple(uuid4() for _ in range(MOST_BYTES // 16 + 1))
    assert await here.inbox.mark_read(visitor.user_id, too_many) == Marked(0, 5)
    assert len(here.elsewhere.pending) == 0
    opened = [here.elsewhere.pending.open(uuid4(), messages.CountUnread()) for _ in range(MOST)]
    with pytest.raises(NotAnswered) as raised:
        await here.elsewhere.ask(visitor.user_id, messages.CountUnread())
    assert not raised.value.is_in_doubt
    for serial, future in opened:
        here.elsewhere.pending.close(serial)
        future.cancel()


async def test_what_the_carrier_has_not_sent_in_time_was_not_done(
    pair: list[BusProcess],
) -> None:
    here, _ = pair
    idle: Any = Idle()
    asked = Elsewhere(here.peers, here.clock, lambda: idle)
    with pytest.raises(NotAnswered) as raised, capture_logs() as lines:
        await asked.ask(uuid4(), messages.CountUnread())
    assert not raised.value.is_in_doubt
    assert not lines


async def test_one_inbox_that_is_slow_does_not_cost_the_others_their_process(
    pair: list[BusProcess],
) -> None:
    here, there = pair
    slow, quick = uuid4(), uuid4()
    idle: Any = Idle()
    asked = Elsewhere(here.peers, here.clock, lambda: idle)
    process = str(there.lease)
    asking = []
    for serial, user_id in enumerate((slow, quick)):
        asked.whereabouts.keep(user_id, process)
        asking.append(asyncio.ensure_future(asked.ask(user_id, messages.CountUnread())))
        await asyncio.sleep(0)
        asked.pending.sent(serial, process)
    asked.take(Answer.of(1, 3))
    with capture_logs() as lines:
        asked._give_up(0)
    assert [line["event"] for line in lines] == ["inbox_slow"]
    with pytest.raises(NotAnswered) as raised:
        await asking[0]
    assert raised.value.is_in_doubt
    assert await asking[1] == 3
    assert asked.whereabouts.find(slow) is None
    assert asked.whereabouts.find(quick) is not None
    assert not asked.whereabouts.is_silent(process)


async def test_a_link_in_a_mail_is_followed_without_asking_another_process(
    pair: list[BusProcess],
) -> None:
    """Whoever follows it does not wait until it is clear that the other has died."""
    here, there = pair
    visitor = await Visitor.come(there)
    await here.inbox.follow(visitor.user_id, visitor.ids[0])
    await until(lambda: visitor.told == ["notification.read"])
    await here.inbox.follow(visitor.user_id, visitor.ids[0])
    await there.supervisor.ref("bus.reader").stop_and_wait(deadline_s=5)
    await here.inbox.follow(visitor.user_id, visitor.ids[1])
    clicked = await here.stores.notifications.find(visitor.user_id, visitor.ids[1])
    assert clicked is not None
    assert clicked.clicked_action == BY_EMAIL
    assert here.elsewhere.whereabouts.find(visitor.user_id) is None


async def test_a_registration_that_was_left_behind_misleads_once(
    pair: list[BusProcess], redis_url: str
) -> None:
    here, there = pair
    user_id = uuid4()
    await Registrations(here.redis).add(str(there.lease), [user_id])
    await here.insert(user_id)
    assert await here.inbox.unread_count(user_id) == 1
    async with Redis.from_url(redis_url) as redis:

        async def is_taken_off() -> bool:
            return not await redis.zcard(tagged_key("bus", user_id))

        await eventually(is_taken_off)


class Idle:
    """A carrier that takes questions, and carries none."""

    def tell(self, _: Carry) -> None:
        pass


async def test_with_the_carrier_gone_the_store_is_asked(pair: list[BusProcess]) -> None:
    here, there = pair
    visitor = await Visitor.come(there)
    await here.supervisor.ref("bus.carrier").stop_and_wait(deadline_s=5)
    assert await here.inbox.mark_read(visitor.user_id, (visitor.ids[0],)) == Marked(1, 4)
    await until(lambda: visitor.told == ["notification.read"])


async def test_who_asks_may_go_before_there_is_an_answer(pair: list[BusProcess]) -> None:
    here, there = pair
    visitor = await Visitor.come(there)
    asking = asyncio.ensure_future(here.inbox.unread_count(visitor.user_id))
    await asyncio.sleep(0)
    assert len(here.elsewhere.pending) == 1
    asking.cancel()
    await asyncio.wait([asking])
    assert len(here.elsewhere.pending) == 0
    assert await storeless(here).unread_count(visitor.user_id) == 5
