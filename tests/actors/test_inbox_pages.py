"""A page of an inbox comes with the same counts whether its user is connected or not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from actors import messages
from actors.count_ages import RECENT, RECOUNT_AFTER
from actors.directory import Directory
from actors.frames import Announcement
from actors.inbox import Inbox, InboxPage
from actors.inbox_change import OneDeleted, OneRead
from storage.client import StoreUnavailable
from storage.names import Names
from storage.notifications import InboxFilter, NotificationRow
from storage.positions import PositionClock
from storage.stores import Stores
from tests.storage.samples import NOON, SECOND, a_row
from tests.support.actors import RecordingConnection, UserActors, nobody_elsewhere
from tests.support.doubtful_store import DoubtfulStore

ALL = InboxFilter()
READ = InboxFilter(is_read=True)
UNREAD = InboxFilter(is_read=False)
NO_NAMES = Names({}, {})


class Clock(PositionClock):
    """A clock that tests can move."""

    ahead = timedelta()

    def store_now(self) -> Any:
        return super().store_now() + self.ahead


class Home:
    """One user with an inbox of five, the second read, who may be connected."""

    def __init__(self, stores: Stores) -> None:
        self.user_id = uuid4()
        self.stores = stores
        self.clock = Clock()
        self.store: Any = DoubtfulStore(stores.notifications)
        self.actors = UserActors(stores, notifications=self.store, clock=self.clock)
        self.directory = Directory(self.actors.start)
        self.inbox = Inbox(
            self.directory, stores.notifications, self.clock, self.actors.bus, nobody_elsewhere()
        )
        self.rows: list[NotificationRow] = []

    async def begin(self) -> None:
        for place in range(5):
            await self.insert(created_at=NOON + place * SECOND)
        await self.stores.notifications.mark_read(self.user_id, [self.rows[1].id], at=NOON)

    async def insert(self, **changes: Any) -> NotificationRow:
        """Insert a row that nobody announces, positioned now unless told otherwise."""
        row = a_row(self.user_id, **{"created_at": self.clock.store_now(), **changes})
        self.rows += await self.stores.notifications.insert([row])
        return row

    async def connect(self) -> None:
        await self.directory.attach(self.user_id, RecordingConnection())

    def announce(self, row: NotificationRow) -> None:
        self.directory.deliver([row], Announcement(row, NO_NAMES))

    async def page(
        self, wanted: InboxFilter = ALL, *, page: int = 1, page_size: int = 2
    ) -> InboxPage:
        return await self.inbox.page(self.user_id, wanted, page=page, page_size=page_size)

    async def counts(self, wanted: InboxFilter = ALL) -> tuple[int, int]:
        """Return how many are wanted and how many unread, by a page that is not the last."""
        page = await self.page(wanted, page_size=1)
        return page.count, page.unread_count


@pytest.fixture
async def home(stores: Stores) -> AsyncIterator[Home]:
    made = Home(stores)
    await made.begin()
    yield made
    await made.actors.end()


@pytest.mark.parametrize("is_connected", [False, True], ids=["away", "connected"])
@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        (ALL, [4, 3, 2, 1, 0]),
        (READ, [1]),
        (UNREAD, [4, 3, 2, 0]),
        (InboxFilter(kind="new_listing"), [4, 3, 2, 1, 0]),
        (InboxFilter(kind="welcome"), []),
        (InboxFilter(created_from=NOON + SECOND, is_read=False), [4, 3, 2]),
        (InboxFilter(created_before=NOON + 2 * SECOND), [1, 0]),
    ],
    ids=["all", "read", "unread", "kind", "none", "since", "until"],
)
async def test_every_page_has_its_rows_and_both_counts(
    home: Home, wanted: InboxFilter, places: list[int], is_connected: bool
) -> None:
    if is_connected:
        await home.connect()
    for page_size in (1, 2, 5, 9):
        for page in range(1, 7):
            found = await home.page(wanted, page=page, page_size=page_size)
            passed_over = (page - 1) * page_size
            here = places[passed_over : passed_over + page_size]
            assert [row.id_bytes for row in found.rows] == [
                home.rows[place].id.bytes for place in here
            ]
            assert (found.count, found.unread_count) == (len(places), 4)


async def test_what_happens_to_the_inbox_is_counted_without_asking_the_store(home: Home) -> None:
    await home.connect()
    assert await home.counts() == (5, 4)
    home.announce(await home.insert())
    assert await home.counts() == (6, 5)
    home.announce(home.rows[-1])
    assert await home.counts() == (6, 5)
    await home.inbox.mark_read(home.user_id, (home.rows[-1].id,))
    assert await home.counts(READ) == (2, 4)
    assert await home.inbox.delete(home.user_id, home.rows[-1].id)
    assert not await home.inbox.delete(home.user_id, home.rows[-1].id)
    assert await home.counts() == (5, 4)
    # It does not know of what nobody told it, and so it has not asked.
    await home.insert(created_at=NOON - SECOND)
    assert await home.counts() == (5, 4)


async def test_the_first_list_has_no_more_counted_than_is_not_known_yet(home: Home) -> None:
    await home.connect()
    # Nobody tells of it: who counted what is unread once more would see it.
    await home.insert(created_at=NOON - SECOND)
    assert await home.counts() == (6, 4)


async def test_a_row_that_is_listed_is_counted_before_its_announcement_comes(home: Home) -> None:
    await home.connect()
    assert await home.counts() == (5, 4)
    row = await home.insert()
    assert await home.counts() == (6, 5)
    home.announce(row)
    assert await home.counts() == (6, 5)


async def test_a_row_that_is_deleted_before_its_announcement_comes_was_never_counted(
    home: Home,
) -> None:
    """Its user knows it by another process, which is where it was listed."""
    await home.connect()
    assert await home.counts() == (5, 4)
    row = await home.insert()
    assert await home.inbox.delete(home.user_id, row.id)
    assert await home.counts() == (5, 4)
    home.announce(row)
    assert (await home.counts())[0] == 5


async def test_a_row_that_is_announced_late_has_the_counts_read_anew(home: Home) -> None:
    await home.connect()
    assert await home.counts() == (5, 4)
    home.announce(await home.insert(created_at=home.clock.store_now() - 2 * RECENT))
    assert await home.counts() == (6, 5)


@pytest.mark.parametrize(
    "tell",
    [
        lambda deleted: messages.Reflect(OneDeleted(deleted), arrived_at_s=float("inf")),
        lambda deleted: messages.CatchUp((), (OneDeleted(deleted),)),
    ],
    ids=["reflected", "caught up"],
)
async def test_one_that_was_deleted_elsewhere_is_counted_no_more(home: Home, tell: Any) -> None:
    await home.connect()
    assert await home.counts() == (5, 4)
    deleted = home.rows[0].id
    assert await home.stores.notifications.delete(home.user_id, deleted, at=NOON)
    home.directory.tell(home.user_id, tell(deleted))
    assert await home.counts() == (4, 3)


async def test_one_that_was_read_elsewhere_is_shown_as_before(home: Home) -> None:
    await home.connect()
    assert await home.counts() == (5, 4)
    read = home.rows[0].id
    await home.stores.notifications.mark_read(home.user_id, [read], at=NOON)
    home.directory.tell(home.user_id, messages.Reflect(OneRead(read), arrived_at_s=float("inf")))
    assert await home.counts() == (5, 3)


async def test_counts_are_read_anew_after_a_while(home: Home) -> None:
    await home.connect()
    assert await home.counts() == (5, 4)
    await home.insert(created_at=NOON - SECOND)
    home.clock.ahead = RECOUNT_AFTER + SECOND
    assert await home.counts() == (6, 5)


async def test_more_unread_than_shown_are_never_told(home: Home) -> None:
    """Rows that age out of the inbox are announced to nobody."""
    await home.connect()
    assert await home.inbox.mark_read(home.user_id, (home.rows[4].id,)) == messages.Marked(1, 3)
    assert await home.counts(READ) == (2, 3)
    home.clock.ahead = RECOUNT_AFTER - SECOND
    elsewhere = messages.Reflect(OneRead(uuid4()), arrived_at_s=float("inf"))
    home.directory.tell(home.user_id, elsewhere)
    assert await home.counts(READ) == (2, 3)
    await home.stores.aged.blank(NOON, NOON + 3 * SECOND)
    # By now one of the two counts is old.
    home.clock.ahead = RECOUNT_AFTER + SECOND
    assert await home.counts(READ) == (1, 1)


@pytest.mark.parametrize("is_old", [False, True], ids=["reflected", "old"])
async def test_what_is_unread_is_never_more_than_what_is_shown(home: Home, is_old: bool) -> None:
    """Rows whose announcement was lost are known first by what is unread."""
    await home.connect()
    home.clock.ahead = RECOUNT_AFTER - SECOND
    assert await home.counts(READ) == (1, 4)
    for _ in range(2):
        await home.insert(created_at=NOON - SECOND)
    if is_old:
        home.clock.ahead = RECOUNT_AFTER + SECOND
    else:
        elsewhere = messages.Reflect(OneRead(uuid4()), arrived_at_s=float("inf"))
        home.directory.tell(home.user_id, elsewhere)
    assert await home.counts(READ) == (1, 6)


async def test_deleting_in_an_inbox_that_was_never_listed_leaves_nothing_to_be_wrong(
    home: Home,
) -> None:
    await home.connect()
    assert await home.inbox.delete(home.user_id, home.rows[4].id)
    assert await home.counts() == (4, 3)


async def test_a_deletion_that_ended_in_doubt_has_the_counts_read_anew(home: Home) -> None:
    await home.connect()
    assert await home.counts() == (5, 4)
    home.store.is_in_doubt = True
    with pytest.raises(StoreUnavailable):
        await home.inbox.delete(home.user_id, home.rows[0].id)
    assert await home.counts() == (4, 3)


async def test_who_is_away_has_an_inbox_of_nothing(home: Home) -> None:
    page = await home.inbox.page(UUID(int=0), ALL, page=1, page_size=20)
    assert page == InboxPage(0, 0, [])
