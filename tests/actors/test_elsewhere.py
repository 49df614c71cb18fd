"""What REST asks of an inbox is done by its user's actor at another process, or without it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from actors import elsewhere, messages
from actors.bus_carrier import ENTRY_BYTES, Carry
from actors.elsewhere import MOST_BYTES
from actors.inbox import Inbox, InboxPage
from actors.messages import Marked
from actors.parcels import Questions
from actors.pending_questions import MOST, NotAnswered
from actors.questions import Answer, Outcome, Question
from storage.notifications import InboxFilter, NotInInbox
from storage.positions import to_ms
from storage.stores import Stores
from tests.storage.samples import SECOND
from tests.support.actors import Away, RecordingConnection
from tests.support.bus import BusProcess, on_the_bus, until
from tests.support.relay import relayed

ALL = InboxFilter()


@pytest.fixture
async def pair(stores: Stores, redis_url: str) -> AsyncIterator[list[BusProcess]]:
    async with on_the_bus(stores, redis_url, redis_url) as processes:
        yield processes


class Visitor:
    """Somebody with notifications, connected to one process, whose requests come to another."""

    def __init__(self, process: BusProcess, user_id: UUID) -> None:
        self.process = process
        self.user_id = user_id
        self.ids: list[UUID] = []
        self.connection: RecordingConnection | None = None

    @classmethod
    async def come(cls, process: BusProcess, *, count: int = 5) -> Visitor:
        visitor = cls(process, uuid4())
        visitor.ids = [(await process.insert(visitor.user_id)).id for _ in range(count)]
        visitor.connection = await process.connect(visitor.user_id)
        return visitor

    @property
    def told(self) -> list[str]:
        """What was said after the greeting."""
        assert self.connection is not None
        return self.connection.types[1:]

    async def leave(self) -> None:
        assert self.connection is not None
        self.process.directory.detach(self.user_id, self.connection)
        await until(lambda: self.process.directory.find(self.user_id) is None)


def storeless(process: BusProcess) -> Inbox:
    """Return the inboxes of a process that has no store to do anything by itself."""
    away: Any = Away()
    return Inbox(process.directory, away, process.clock, process.bus, process.elsewhere)


async def test_all_that_is_asked_elsewhere_is_done_there_and_seen_by_all(
    pair: list[BusProcess],
) -> None:
    here, there = pair
    visitor = await Visitor.come(there)
    inbox, user_id, ids = storeless(here), visitor.user_id, visitor.ids
    assert await inbox.unread_count(user_id) == 5
    assert await inbox.mark_read(user_id, (ids[0],)) == Marked(1, 4)
    assert await inbox.mark_read(user_id, (ids[0], ids[1], uuid4())) == Marked(1, 3)
    assert await inbox.click(user_id, ids[2], "view") == Marked(1, 2)
    with pytest.raises(NotInInbox) as raised:
        await inbox.click(user_id, uuid4(), None)
    assert raised.value.notification_id not in ids
    assert await inbox.delete(user_id, ids[3]) is True
    assert await inbox.delete(user_id, ids[3]) is False
    assert await inbox.mark_all_read(user_id) == Marked(1, 0)
    assert visitor.told == [
        "notification.read",
        "notifications.bulk_read",
        "notification.read",
        "notification.deleted",
        "notifications.bulk_read",
    ]
    clicked = await here.stores.notifications.find(user_id, ids[2])
    assert clicked is not None
    assert clicked.clicked_action == "view"


async def test_a_page_has_the_counts_of_the_actor_elsewhere(pair: list[BusProcess]) -> None:
    here, there = pair
    visitor = await Visitor.come(there)
    user_id = visitor.user_id
    await here.inbox.mark_read(user_id, (visitor.ids[0],))

    async def page(wanted: InboxFilter, page_size: int) -> InboxPage:
        return await here.inbox.page(user_id, wanted, page=1, page_size=page_size)

    for wanted, count in (
        (ALL, 5),
        (InboxFilter(is_read=False), 4),
        (InboxFilter(is_read=True), 1),
    ):
        for page_size in (1, 20):
            found = await page(wanted, page_size)
            assert (found.count, found.unread_count) == (count, 4)
    # In the store, and announced to nobody yet: whoever has seen it in the list sees it counted.
    await here.insert(user_id)
    found = await page(ALL, 2)
    assert (found.count, found.unread_count) == (6, 5)


async def test_who_is_connected_to_both_sees_the_same(pair: list[BusProcess]) -> None:
    here, there = pair
    visitor = await Visitor.come(there)
    near = await here.connect(visitor.user_id)
    assert await here.inbox.mark_read(visitor.user_id, (visitor.ids[0],)) == Marked(1, 4)
    await until(lambda: visitor.told == ["notification.read"])
    assert near.types[1:] == ["notification.read"]
    assert await there.inbox.unread_count(visitor.user_id) == 4


async def test_a_third_process_asks_one_of_two_and_both_are_told(
    stores: Stores, redis_url: str
) -> None:
    async with on_the_bus(stores, *[redis_url] * 3) as (first, second, third):
        visitor = await Visitor.come(second)
        near = await first.connect(visitor.user_id)
        assert await storeless(third).mark_all_read(visitor.user_id) == Marked(5, 0)
        await until(lambda: visitor.told == near.types[1:] == ["notifications.bulk_read"])


async def test_two_processes_may_ask_one_another_at_once(pair: list[BusProcess]) -> None:
    here, there = pair
    visitors = [
        (other, await Visitor.come(process, count=8))
        for process, other in (pair, pair[::-1])
        for _ in range(4)
    ]

    async def read_all(other: BusProcess, visitor: Visitor) -> None:
        inbox = storeless(other)
        marked = await asyncio.gather(
            *(inbox.mark_read(visitor.user_id, (each,)) for each in visitor.ids)
        )
        assert sorted(each.unread_count for each in marked) == list(range(8))
        assert await inbox.unread_count(visitor.user_id) == 0

    await asyncio.gather(*(read_all(*each) for each in visitors))
    assert len(here.elsewhere.pending) == len(there.elsewhere.pending) == 0


async def test_for_who_is_not_connected_the_store_is_asked_at_once(
    pair: list[BusProcess],
) -> None:
    here, there = pair
    user_id = uuid4()
    row = await here.insert(user_id)
    assert await here.inbox.unread_count(user_id) == 1
    known = here.elsewhere.whereabouts.find(user_id)
    assert known is not None
    assert known.process is None
    # Known to be nowhere, they are not looked for again at once.
    connection = await there.connect(user_id)
    assert await here.inbox.mark_read(user_id, (row.id,)) == Marked(1, 0)
    await until(lambda: connection.types[-1] == "notification.read")


async def test_who_has_left_meanwhile_is_done_for_by_the_store_and_found_where_they_went(
    stores: Stores, redis_url: str
) -> None:
    async with on_the_bus(stores, *[redis_url] * 3) as (first, second, third):
        visitor = await Visitor.come(first)
        assert await storeless(third).unread_count(visitor.user_id) == 5
        await visitor.leave()
        assert await third.inbox.mark_read(visitor.user_id, (visitor.ids[0],)) == Marked(1, 4)
        await second.connect(visitor.user_id)
        assert await storeless(third).mark_read(visitor.user_id, (visitor.ids[1],)) == Marked(1, 3)


async def test_who_connects_here_while_the_store_does_it_is_told(
    pair: list[BusProcess],
) -> None:
    here, _ = pair
    user_id = uuid4()
    row = await here.insert(user_id)
    connection: list[RecordingConnection] = []
    mark_read = here.stores.notifications.mark_read

    async def slow(*args: Any, **options: Any) -> int:
        connection.append(await here.connect(user_id))
        return await mark_read(*args, **options)

    class Slow:
        def __getattr__(self, name: str) -> Any:
            return slow if name == "mark_read" else getattr(here.stores.notifications, name)

    store: Any = Slow()
    inbox = Inbox(here.directory, store, here.clock, here.bus, here.elsewhere)
    assert await inbox.mark_read(user_id, (row.id,)) == Marked(1, 0)
    await until(lambda: connection[0].types[-1] == "notification.read")
    assert connection[0].frames[-1]["data"]["unread_count"] == 0


Do = Callable[[Inbox, Visitor], Coroutine[Any, Any, Any]]

DOINGS: list[tuple[Do, Any, int]] = [
    (lambda inbox, one: inbox.unread_count(one.user_id), 5, 5),
    (lambda inbox, one: inbox.mark_read(one.user_id, (one.ids[0],)), Marked(0, 4), 4),
    (lambda inbox, one: inbox.mark_read(one.user_id, tuple(one.ids[:2])), Marked(0, 3), 3),
    (lambda inbox, one: inbox.mark_all_read(one.user_id), Marked(0, 0), 0),
    (lambda inbox, one: inbox.click(one.user_id, one.ids[0], "view"), Marked(0, 4), 4),
    (lambda inbox, one: inbox.delete(one.user_id, one.ids[0]), True, 4),
    (lambda inbox, one: inbox.delete(one.user_id, UUID(int=1)), False, 5),
]
"""What is done, what it comes to when it was done before, and how many are unread then."""


async def test_what_was_done_without_a_word_is_done_again_and_changes_nothing_twice(
    pair: list[BusProcess],
) -> None:
    """The process that was asked is cut off from the moment it has done it."""
    here, there = pair
    visitors = [await Visitor.come(there) for _ in DOINGS]
    await there.supervisor.ref("bus.carrier").stop_and_wait(deadline_s=5)
    with capture_logs() as lines:
        done = await asyncio.gather(
            *(do(here.inbox, visitor) for (do, _, _), visitor in zip(DOINGS, visitors, strict=True))
        )
    assert [line["process"] for line in lines if line["event"] == "not_answered"]
    assert done == [expected for _, expected, _ in DOINGS]
    for (_, _, unread), visitor in zip(DOINGS, visitors, strict=True):
        assert await here.stores.notifications.unread_count(visitor.user_id) == unread
        # Said by the actor when it was done, and not once more.
        told = [each for each in visitor.told if each != "notifications.bulk_read"]
        assert len(told) == len(set(told))
    # Whoever was silent is not waited for a second time.
    began_s = time.monotonic()
    for visitor in visitors:
        await here.inbox.unread_count(visitor.user_id)
    assert time.monotonic() - began_s < elsewhere.ANSWER_WITHIN_S


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


@pytest.mark.parametrize(
    ("kind", "late", "outcome"),
    [(3, False, Outcome.DONE), (3, True, Outcome.UNDONE), (99, False, Outcome.UNDONE)],
    ids=["in time", "too late", "of a later version"],
)
async def test_what_comes_too_late_or_is_not_understood_is_not_done(
    kind: int, late: bool, outcome: Outcome, pair: list[BusProcess]
) -> None:
    here, there = pair
    visitor = await Visitor.come(there)
    until_at = there.clock.store_now() + (-SECOND if late else 30 * SECOND)
    question = Question(7, visitor.user_id, to_ms(until_at), kind, visitor.ids[0].bytes)
    answers: list[Answer] = []
    here.elsewhere.take = answers.append  # type: ignore[assignment, method-assign]
    entry = Questions(str(here.lease), (question,)).fields()
    await here.streams.add([(str(there.lease), entry)])
    await until(lambda: answers)
    assert (answers[0].serial, answers[0].outcome) == (7, outcome)
    unread = 4 if outcome is Outcome.DONE else 5
    assert await here.stores.notifications.unread_count(visitor.user_id) == unread


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
    # What is long goes in entries of its own.
    long = tuple(uuid4() for _ in range(ENTRY_BYTES // 32))
    marked = await asyncio.gather(
        *(storeless(here).mark_read(visitor.user_id, (each, *long)) for each in visitor.ids)
    )
    assert sorted(each.unread_count for each in marked) == list(range(5))


async def test_what_the_carrier_has_not_sent_in_time_was_not_done(
    pair: list[BusProcess],
) -> None:
    here, _ = pair
    idle: Any = Idle()
    asked = elsewhere.Elsewhere(here.peers, here.clock, lambda: idle)
    with pytest.raises(NotAnswered) as raised, capture_logs() as lines:
        await asked.ask(uuid4(), messages.CountUnread())
    assert not raised.value.is_in_doubt
    assert not lines


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
