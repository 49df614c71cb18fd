"""A page that is asked for again is shown from memory, unless anything has changed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias
from uuid import uuid4

import orjson
import pytest

from actors import messages
from actors.directory import Directory
from actors.frames import Announcement, to_json
from actors.inbox import Inbox
from actors.inbox_change import InboxChange, OneDeleted, OneRead, SeveralRead
from server import kept_pages
from server.kept_pages import KEPT_FOR_S, KeptPages
from server.service import Service
from storage.businesses import BusinessChange
from storage.client import StoreUnavailable
from storage.names import NameResolver, Names
from storage.notifications import InboxFilter, NotificationRow, NotificationsRepository
from storage.positions import PositionClock
from storage.stores import Stores
from tests.storage.samples import NOON, SECOND, a_business, a_row
from tests.support.actors import RecordingConnection, UserActors, nobody_elsewhere
from tests.support.doubtful_store import DoubtfulStore
from tests.support.world import eventually

ALL = InboxFilter()
NO_NAMES = Names({}, {})

Shown: TypeAlias = tuple[int, int, list[dict[str, Any]]]
"""How many there are, how many are unread, and the records."""


class WatchedStore(DoubtfulStore):
    """The store of inboxes, which counts the pages that are read."""

    def __init__(self, notifications: NotificationsRepository) -> None:
        super().__init__(notifications)
        self.pages_read = 0
        self.meanwhile: Callable[[], Awaitable[Any]] | None = None
        """What happens while a page is on its way, once."""

    async def page(self, *args: Any, **options: Any) -> Any:
        self.pages_read += 1
        rows = await self._notifications.page(*args, **options)
        if self.meanwhile is not None:
            happen, self.meanwhile = self.meanwhile, None
            await happen()
        return rows


class Home:
    """The inbox of one connected user, with three notifications."""

    def __init__(self, stores: Stores) -> None:
        self.user_id = uuid4()
        self.stores = stores
        self.store = WatchedStore(stores.notifications)
        watched: Any = self.store
        self.clock = PositionClock()
        self.actors = UserActors(stores, notifications=watched, clock=self.clock)
        self.directory = Directory(self.actors.start)
        self.connection = RecordingConnection()
        self.inbox = Inbox(self.directory, watched, self.clock, self.actors.bus, nobody_elsewhere())
        self.now_s = 0.0
        self.names = NameResolver(stores.users, stores.businesses)
        self.pages = KeptPages(self.inbox, self.names, timer=lambda: self.now_s)
        self.rows: list[NotificationRow] = []

    async def begin(self) -> None:
        for _ in range(3):
            await self.insert()
        await self.directory.attach(self.user_id, self.connection)

    async def insert(self, **changes: Any) -> NotificationRow:
        """Insert a row that nobody announces."""
        row = a_row(self.user_id, created_at=self.clock.store_now(), **changes)
        self.rows += await self.stores.notifications.insert([row])
        return row

    async def leave(self) -> None:
        async def is_gone() -> bool:
            return self.directory.find(self.user_id) is None

        self.directory.detach(self.user_id, self.connection)
        await eventually(is_gone)

    def tell(self, change: InboxChange) -> None:
        self.directory.tell(self.user_id, messages.Reflect(change, time.monotonic()))

    async def shown(self, pages: KeptPages | None = None, *, page_size: int = 2) -> Shown:
        """Return the first page and its counts, as `pages` shows it."""
        shown = pages or self.pages
        page = await shown.show(self.user_id, ALL, page=1, page_size=page_size)
        records = orjson.loads(to_json(page.notifications))
        return page.count, page.unread_count, records

    async def stored(self) -> Shown:
        """Return the same from the store."""
        return await self.shown(KeptPages(self.inbox, self.names))

    async def reads(self) -> int:
        """Return how often the store is asked when the page is shown, which is as stored."""
        expected = await self.stored()
        before = self.store.pages_read
        assert await self.shown() == expected
        return int(self.store.pages_read - before)


Change: TypeAlias = Callable[[Home], Awaitable[None]]


@pytest.fixture
async def home(service: Service) -> AsyncIterator[Home]:
    made = Home(service.stores)
    await made.begin()
    yield made
    await made.actors.end()


async def test_a_page_is_read_once_while_nothing_changes(home: Home) -> None:
    assert [await home.reads() for _ in range(3)] == [1, 0, 0]


async def test_each_page_and_each_filter_is_another(home: Home) -> None:
    seen = set()
    for _ in range(2):
        for wanted in (ALL, InboxFilter(is_read=True), InboxFilter(kind="welcome")):
            for page, page_size in ((1, 2), (2, 2), (1, 3)):
                found = await home.pages.show(home.user_id, wanted, page=page, page_size=page_size)
                seen.add((found.count, found.unread_count, to_json(found.notifications)))
    assert home.store.pages_read == 9
    assert len(seen) == 4, "the empty ones say the same"


async def come(home: Home) -> None:
    row = await home.insert()
    home.directory.deliver([row], Announcement(row, NO_NAMES))


async def read_one(home: Home) -> None:
    await home.inbox.mark_read(home.user_id, (home.rows[-1].id,))


async def read_all(home: Home) -> None:
    await home.inbox.mark_all_read(home.user_id)


async def click(home: Home) -> None:
    await home.inbox.click(home.user_id, home.rows[-1].id, "view")


async def delete(home: Home) -> None:
    await home.inbox.delete(home.user_id, home.rows[-1].id)


async def read_elsewhere(home: Home) -> None:
    await home.stores.notifications.mark_read(
        home.user_id, [home.rows[-1].id], at=home.clock.store_now()
    )
    home.tell(OneRead(home.rows[-1].id))


async def read_all_elsewhere(home: Home) -> None:
    marked = await home.stores.notifications.mark_all_read(home.user_id, at=home.clock.store_now())
    home.tell(SeveralRead(marked))


async def delete_elsewhere(home: Home) -> None:
    await home.stores.notifications.delete(
        home.user_id, home.rows[-1].id, at=home.clock.store_now()
    )
    home.tell(OneDeleted(home.rows[-1].id))


async def find_what_was_missed(home: Home) -> None:
    row = await home.insert()
    missed = messages.Deliver(row.id, row.created_at, True, Announcement(row, NO_NAMES))
    home.directory.tell(home.user_id, messages.CatchUp((missed,), ()))


async def come_back(home: Home) -> None:
    await home.insert()
    await home.leave()
    await home.directory.attach(home.user_id, RecordingConnection())


CHANGES = (
    *(come, read_one, read_all, click, delete),
    *(read_elsewhere, read_all_elsewhere, delete_elsewhere, find_what_was_missed, come_back),
)


@pytest.mark.parametrize("change", CHANGES)
async def test_what_changes_the_inbox_is_shown_the_next_time(home: Home, change: Change) -> None:
    await home.shown()
    before = await home.shown()
    await change(home)
    after = await home.shown()
    assert after != before
    assert after == await home.stored()
    assert await home.reads() == 0


@pytest.mark.parametrize("change", CHANGES)
async def test_a_page_that_was_on_its_way_then_is_not_kept(home: Home, change: Change) -> None:
    """It is as the store was before the change, or after it; who asks next gets what is there."""
    home.store.meanwhile = lambda: change(home)
    await home.shown()
    assert await home.shown() == await home.stored()


async def test_what_changes_nothing_leaves_the_page(home: Home) -> None:
    await read_all(home)
    await home.shown()
    await read_one(home)
    await read_all(home)
    await home.inbox.mark_read(home.user_id, (uuid4(),))
    await home.inbox.delete(home.user_id, uuid4())
    assert await home.reads() == 0


async def test_nothing_is_kept_for_who_is_not_connected(home: Home) -> None:
    await home.leave()
    assert [await home.reads() for _ in range(2)] == [1, 1]


async def test_while_changes_may_not_be_told_the_store_is_asked(home: Home) -> None:
    await home.shown()
    home.actors.bus.caught_up = None
    await home.insert()
    assert [await home.reads() for _ in range(2)] == [1, 1]


async def test_what_was_kept_does_not_come_back_after_a_page_that_was_read(home: Home) -> None:
    await home.shown()
    home.actors.bus.caught_up = None
    await home.insert()
    assert (await home.shown())[0] == 4
    home.actors.bus.caught_up = 1
    assert (await home.shown())[0] == 4


async def test_what_was_kept_before_the_bus_was_away_is_not_shown_after_it(home: Home) -> None:
    await home.shown()
    await home.insert()
    home.actors.bus.caught_up = 2
    assert [await home.reads() for _ in range(2)] == [1, 0]


async def test_what_was_kept_for_half_a_minute_is_read_anew(home: Home) -> None:
    await home.shown()
    home.now_s = KEPT_FOR_S - 1
    assert await home.reads() == 0
    home.now_s = KEPT_FOR_S
    assert await home.reads() == 1


async def test_after_a_write_of_which_nobody_knows_it_is_read_anew(home: Home) -> None:
    await read_all(home)
    await home.shown()
    home.store.is_in_doubt = True
    with pytest.raises(StoreUnavailable):
        await delete(home)
    assert len((await home.shown(page_size=20))[2]) == 2
    assert await home.shown() == await home.stored()


async def test_the_names_are_those_of_the_moment(home: Home) -> None:
    business_id = await a_business(home.stores, name="Corner Bakery")
    await home.insert(business_id=business_id)
    before = (await home.shown())[2][0]["business"]["name"]
    renamed = BusinessChange(business_id, {"name": "Baker Street"}, NOON + SECOND)
    await home.stores.businesses.apply([renamed])
    home.names.forget([business_id])
    (_, _, records) = await home.shown()
    assert (before, records[0]["business"]["name"]) == ("Corner Bakery", "Baker Street")


async def test_when_there_is_no_room_the_longest_unused_goes(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_pages, "KEPT_BYTES", 7_000)
    pages = KeptPages(home.inbox, home.names)
    reads = []
    for page_size in (1, 2, 1, 3, 1, 2):
        before = home.store.pages_read
        await home.shown(pages, page_size=page_size)
        reads.append(home.store.pages_read - before)
    assert reads == [1, 1, 0, 1, 0, 1]
