"""What REST asks of an inbox is done by its user's actor at another process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from actors.inbox import Inbox, InboxPage
from actors.messages import CountInbox, InboxCounts, Marked
from actors.notices import Questions
from actors.questions import Answer, ListedElsewhere, Outcome, Question
from actors.whereabouts import NOWHERE_FOR_S, KnownWhereabouts
from rules.lease import Lease
from storage.bus_streams import ENTRY_BYTES
from storage.notifications import InboxFilter, NotInInbox
from storage.positions import to_ms
from storage.stores import Stores
from tests.storage.samples import MINUTE, NOON, SECOND
from tests.support.actors import RecordingConnection
from tests.support.bus import PATIENT, BusProcess, on_the_bus, until
from tests.support.visitors import Visitor, storeless

ALL = InboxFilter()


@pytest.fixture
async def pair(stores: Stores, redis_url: str) -> AsyncIterator[list[BusProcess]]:
    async with on_the_bus(stores, redis_url, redis_url, **PATIENT) as processes:
        yield processes


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
    async with on_the_bus(stores, *[redis_url] * 3, **PATIENT) as (first, second, third):
        visitor = await Visitor.come(second)
        near = await first.connect(visitor.user_id)
        assert await storeless(third).mark_all_read(visitor.user_id) == Marked(5, 0)
        await until(lambda: visitor.told == near.types[1:] == ["notifications.bulk_read"])


async def test_two_processes_may_ask_one_another_at_once(pair: list[BusProcess]) -> None:
    here, there = pair
    visitors = [
        (other, await Visitor.come(process, count=4))
        for process, other in (pair, pair[::-1])
        for _ in range(2)
    ]

    async def read_all(other: BusProcess, visitor: Visitor) -> None:
        inbox = storeless(other)
        marked = await asyncio.gather(
            *(inbox.mark_read(visitor.user_id, (each,)) for each in visitor.ids)
        )
        assert sorted(each.unread_count for each in marked) == list(range(4))
        assert await inbox.unread_count(visitor.user_id) == 0

    await asyncio.gather(*(read_all(*each) for each in visitors))
    assert len(here.elsewhere.pending) == len(there.elsewhere.pending) == 0


async def test_for_who_is_not_connected_the_store_is_asked_at_once(
    stores: Stores, redis_url: str
) -> None:
    async with on_the_bus(stores, redis_url, **PATIENT) as (there,):
        here = BusProcess(stores, redis_url, Lease("still", 1))
        # Nothing that is known passes before the test is over.
        here.elsewhere.whereabouts = KnownWhereabouts(here.peers, timer=lambda: 0.0)
        await here.start()
        user_id = uuid4()
        row = await here.insert(user_id)
        assert await here.inbox.unread_count(user_id) == 1
        assert here.elsewhere.whereabouts.find(user_id) == (None, NOWHERE_FOR_S)
        connection = await there.connect(user_id)
        # Known to be nowhere, they are not looked for again at once, where the store says the same.
        assert await here.inbox.unread_count(user_id) == 1
        assert here.elsewhere.whereabouts.find(user_id) == (None, NOWHERE_FOR_S)
        # What is changed is seen at once wherever they are asked about next.
        assert await storeless(here).mark_read(user_id, (row.id,)) == Marked(1, 0)
        assert connection.types[-1] == "notification.read"
        assert await there.inbox.unread_count(user_id) == 0
        await here.stop()


async def test_who_has_left_meanwhile_is_done_for_by_the_store_and_found_where_they_went(
    stores: Stores, redis_url: str
) -> None:
    async with on_the_bus(stores, *[redis_url] * 3, **PATIENT) as (first, second, third):
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


async def test_many_questions_of_a_moment_go_in_several_entries(
    pair: list[BusProcess], redis_url: str
) -> None:
    here, there = pair
    visitor = await Visitor.come(there)
    before_ms = to_ms(here.clock.store_now() - 2 * MINUTE)
    asked = CountInbox([ListedElsewhere(uuid4().bytes, before_ms)] * 100, is_shown_wanted=False)
    bodies = 2 * ENTRY_BYTES // len(Question.of(1, uuid4(), asked, now=NOON, until=NOON).body)
    async with Redis.from_url(redis_url) as redis:
        before = await redis.xinfo_stream(there.stream)
        replies = await asyncio.gather(
            *(here.elsewhere.ask(visitor.user_id, asked) for _ in range(bodies + 1))
        )
        after = await redis.xinfo_stream(there.stream)
    assert replies == [InboxCounts(5, None)] * (bodies + 1)
    assert after["entries-added"] - before["entries-added"] == 3
