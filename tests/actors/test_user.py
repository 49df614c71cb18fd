"""What a connected user's actor does with each message."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from pykka import ActorDeadError

from actors import messages
from actors.frames import Announcement
from actors.inbox_change import OneDeleted, OneRead, SeveralRead
from actors.kept_count import RECENT, RECOUNT_AFTER
from actors.loop_ref import LoopActorRef
from actors.parcels import Changed
from actors.sync import PAGE_BYTES, ROW_BYTES, UnknownNotification
from actors.told import REMEMBERED
from actors.user import UserActor
from rules.content import MESSAGE_LIMIT
from storage.client import StoreUnavailable
from storage.names import NameResolver, Names
from storage.notifications import NotificationRow, NotInInbox
from storage.positions import PositionClock
from storage.stores import Stores
from tests.storage.samples import a_row
from tests.support.actors import Away, RecordingBus, RecordingConnection, recounts_of
from tests.support.world import eventually

SOON_S = 30.0
NO_NAMES = Names({}, {})


class Clock(PositionClock):
    """A clock that tests can move."""

    ahead = timedelta()

    def store_now(self) -> datetime:
        return super().store_now() + self.ahead


class Home:
    """One user's actor, with a connection and the store behind it."""

    def __init__(self, stores: Stores) -> None:
        self.user_id = uuid4()
        self.stores = stores
        self.clock = Clock()
        self.bus = RecordingBus()
        self.idle = 0
        self.broken = 0
        self.refs: list[LoopActorRef[UserActor]] = []
        self.ref = self.start(stores.notifications)

    def start(self, notifications: Any) -> LoopActorRef[UserActor]:
        ref = UserActor.start(
            self.user_id,
            notifications=notifications,
            recounts=recounts_of(notifications),
            names=NameResolver(self.stores.users, self.stores.businesses),
            clock=self.clock,
            bus=self.bus,
            on_idle=self._count_idle,
            on_broken=self._count_broken,
        )
        self.refs.append(ref)
        return ref

    def _count_idle(self) -> None:
        self.idle += 1

    def _count_broken(self) -> None:
        self.broken += 1

    async def ask(self, message: object) -> Any:
        return await self.ref.request(message, deadline_s=SOON_S)

    async def attach(self) -> RecordingConnection:
        """Attach a connection that has caught up; of its frames only the greeting is kept."""
        connection = RecordingConnection()
        await self.ask(messages.Attach(connection))
        await self.ask(messages.MarkRead((uuid4(),), connection))
        del connection.frames[1:]
        return connection

    async def row(self, **changes: Any) -> NotificationRow:
        """Insert a row positioned now."""
        now = self.clock.store_now()
        row = a_row(self.user_id, **{"created_at": now, "floor": now, **changes})
        await self.stores.notifications.insert([row])
        return row

    def deliver(self, row: NotificationRow) -> None:
        self.ref.tell(
            messages.Deliver(row.id, row.created_at, not row.is_read, Announcement(row, NO_NAMES))
        )

    async def settled(self) -> None:
        """Wait until all messages told so far are handled."""
        await self.ask(messages.CountUnread())


@pytest.fixture
async def home(stores: Stores) -> AsyncIterator[Home]:
    made = Home(stores)
    yield made
    for ref in made.refs:
        await ref.stop_and_wait(deadline_s=SOON_S)


async def test_a_connection_is_greeted_with_the_unread_count(home: Home) -> None:
    await home.row()
    connection = await home.attach()
    assert connection.frames == [
        {"type": "authentication_success", "user_id": str(home.user_id), "unread_count": 1}
    ]


async def test_an_announcement_counts_once_though_the_recount_had_it(home: Home) -> None:
    row = await home.row()
    connection = await home.attach()
    home.deliver(row)
    new = await home.row()
    home.deliver(new)
    await home.settled()
    assert [frame["data"]["unread_count"] for frame in connection.frames[1:]] == [1, 2]


async def test_a_repeated_announcement_is_dropped(home: Home) -> None:
    connection = await home.attach()
    row = await home.row()
    home.deliver(row)
    home.deliver(row)
    await home.settled()
    assert connection.types == ["authentication_success", "notification.new"]


async def test_what_is_announced_to_a_new_connection_comes_after_a_second_at_most(
    home: Home,
) -> None:
    connection = RecordingConnection()
    await home.ask(messages.Attach(connection))
    home.deliver(await home.row())
    await home.settled()
    assert connection.types == ["authentication_success"]

    async def is_released() -> bool:
        return connection.types == ["authentication_success", "notification.new"]

    await eventually(is_released)


async def test_a_late_row_that_is_held_is_in_the_answer_to_the_sync(home: Home) -> None:
    named = await home.row()
    connection = RecordingConnection()
    await home.ask(messages.Attach(connection))
    at = named.created_at - timedelta(seconds=2)
    late = await home.row(writer="another#1", created_at=at, floor=at)
    home.deliver(late)
    await home.ask(messages.Sync(connection, named.id, 10))
    assert connection.types == ["authentication_success", "notifications.sync"]
    (told,) = connection.frames[-1]["data"]["notifications"]
    assert told["id"] == str(late.id)


async def test_holding_ends_quietly_when_the_connection_is_gone_before(home: Home) -> None:
    connection = await home.attach()
    actor = home.ref._actor_weakref()
    assert actor is not None
    (attachment,) = actor._attached
    home.ref.tell(messages.Detach(connection))
    await _ended(home.ref)
    actor._end_holding(messages.Release(attachment, 0))
    actor._attached.append(attachment)
    actor._end_holding(messages.Release(attachment, 0))


async def test_only_so_many_announcements_are_remembered(home: Home) -> None:
    connection = await home.attach()
    rows = [a_row(home.user_id, created_at=home.clock.store_now()) for _ in range(REMEMBERED + 1)]
    for row in (*rows, rows[-1], rows[0]):
        home.deliver(row)
    await home.settled()
    assert connection.types.count("notification.new") == REMEMBERED + 2


async def test_a_row_already_read_is_announced_and_not_counted(home: Home) -> None:
    connection = await home.attach()
    row = await home.row()
    await home.stores.notifications.mark_read(home.user_id, [row.id], at=row.created_at)
    home.deliver(replace(row, is_read=True))
    await home.settled()
    assert connection.frames[-1]["data"]["unread_count"] == 0


async def test_a_row_announced_long_after_its_insert_is_counted_by_a_recount(home: Home) -> None:
    connection = await home.attach()
    old = home.clock.store_now() - 2 * RECENT
    row = await home.row(created_at=old, floor=old)
    home.deliver(row)
    await home.settled()
    assert connection.frames[-1]["data"]["unread_count"] == 1


async def test_with_the_store_away_an_announcement_still_arrives(home: Home) -> None:
    home.ref = home.start(Away())
    connection = RecordingConnection()
    with pytest.raises(StoreUnavailable):
        await home.ask(messages.Attach(connection))
    assert connection.frames == []
    assert home.idle == 1

    home.ref = home.start(_AwayAfter(home.stores.notifications, calls=1))
    await home.ask(messages.Attach(connection))
    old = home.clock.store_now() - 2 * RECENT
    for _ in range(2):
        home.deliver(a_row(home.user_id, created_at=old))
    with pytest.raises(StoreUnavailable):
        await home.settled()

    async def are_told() -> bool:
        return [frame["data"]["unread_count"] for frame in connection.frames[1:]] == [1, 2]

    await eventually(are_told)


class _AwayAfter:
    """Takes snapshots `calls` times and is away from then on."""

    def __init__(self, notifications: Any, calls: int) -> None:
        self._notifications = notifications
        self._left = calls

    async def snapshots(self, wanted: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise StoreUnavailable("away")
        return await self._notifications.snapshots(wanted)


class _InDoubt:
    """A store whose writes take effect and are not acknowledged."""

    def __init__(self, notifications: Any) -> None:
        self._notifications = notifications

    def __getattr__(self, name: str) -> Any:
        return getattr(self._notifications, name)

    async def mark_all_read(self, *args: Any, **options: Any) -> int:
        await self._notifications.mark_all_read(*args, **options)
        raise StoreUnavailable("deadline")


async def test_a_write_that_ended_in_doubt_has_the_count_read_anew(home: Home) -> None:
    await home.row()
    home.ref = home.start(_InDoubt(home.stores.notifications))
    await home.attach()
    with pytest.raises(StoreUnavailable):
        await home.ask(messages.MarkAllRead())
    assert await home.ask(messages.CountUnread()) == 0


async def test_the_end_of_one_wait_does_not_end_a_later_one(home: Home) -> None:
    rows = [await home.row() for _ in range(2)]
    connection = await home.attach()
    actor = home.ref._actor_weakref()
    assert actor is not None
    (attachment,) = actor._attached
    early = messages.Release(attachment, attachment.syncs)
    await home.ask(messages.Sync(connection, None, 1))
    announced = await home.row()
    home.deliver(announced)
    await home.ask(early)
    assert connection.types == ["authentication_success", "notifications.sync"]
    await home.ask(messages.Release(attachment, attachment.syncs))
    assert connection.frames[-1]["data"]["notification_id"] == str(announced.id)
    assert len(rows) == 2


async def test_marking_one_tells_every_connection_and_repeats_the_ref_to_the_asker(
    home: Home,
) -> None:
    row = await home.row()
    asker, other = await home.attach(), await home.attach()
    marked = await home.ask(messages.MarkRead((row.id,), asker, "r1"))
    assert marked == messages.Marked(1, 0)
    data = {"notification_id": str(row.id), "unread_count": 0}
    assert asker.frames[-1] == {"type": "notification.read", "ref": "r1", "data": data}
    assert other.frames[-1] == {"type": "notification.read", "data": data}


async def test_marking_what_is_read_already_answers_the_asker_alone(home: Home) -> None:
    row = await home.row()
    asker, other = await home.attach(), await home.attach()
    await home.ask(messages.MarkRead((row.id,), asker))
    told = len(other.frames)
    assert await home.ask(messages.MarkRead((row.id,), asker)) == messages.Marked(0, 0)
    assert len(other.frames) == told
    assert asker.types[-2:] == ["notification.read", "notification.read"]


async def test_a_click_reads_and_tells_every_connection_once(home: Home) -> None:
    row = await home.row()
    asker, other = await home.attach(), await home.attach()
    read = {"notification_id": str(row.id), "unread_count": 0}
    assert await home.ask(messages.Click(row.id, "view", asker, "r1")) == messages.Marked(1, 0)
    assert await home.ask(messages.Click(row.id, "view", asker, "r2")) == messages.Marked(0, 0)
    assert asker.frames[1:] == [
        {"type": "notification.read", "ref": ref, "data": read} for ref in ("r1", "r2")
    ]
    assert other.frames[1:] == [{"type": "notification.read", "data": read}]


async def test_a_click_on_what_is_not_in_the_inbox_tells_nobody(home: Home) -> None:
    connection = await home.attach()
    with pytest.raises(NotInInbox):
        await home.ask(messages.Click(uuid4(), None, connection, "r"))
    assert connection.types == ["authentication_success"]


async def test_marking_several_by_rest_is_one_frame_to_all(home: Home) -> None:
    rows = [await home.row() for _ in range(3)]
    connection = await home.attach()
    await home.ask(messages.MarkRead(tuple(row.id for row in rows[:2])))
    assert connection.frames[-1] == {
        "type": "notifications.bulk_read",
        "data": {"marked_count": 2, "unread_count": 1},
    }


async def test_marking_all_is_one_frame_to_all(home: Home) -> None:
    for _ in range(3):
        await home.row()
    asker, other = await home.attach(), await home.attach()
    marked = await home.ask(messages.MarkAllRead(asker, 5))
    assert marked == messages.Marked(3, 0)
    data = {"marked_count": 3, "unread_count": 0}
    assert asker.frames[-1] == {"type": "notifications.bulk_read", "ref": 5, "data": data}
    assert other.frames[-1] == {"type": "notifications.bulk_read", "data": data}


async def test_what_is_marked_before_its_announcement_came_leaves_the_count_right(
    home: Home,
) -> None:
    connection = await home.attach()
    row = await home.row()
    assert await home.ask(messages.MarkRead((row.id,))) == messages.Marked(1, 0)
    home.deliver(row)
    await home.settled()
    assert connection.frames[-1]["data"]["unread_count"] == 0


async def test_deleting_tells_every_connection(home: Home) -> None:
    row = await home.row()
    connection = await home.attach()
    assert await home.ask(messages.Delete(row.id)) is True
    assert connection.frames[-1] == {
        "type": "notification.deleted",
        "data": {"notification_id": str(row.id), "unread_count": 0},
    }
    told = len(connection.frames)
    assert await home.ask(messages.Delete(row.id)) is False
    assert len(connection.frames) == told


async def test_an_old_count_is_read_anew_when_its_user_does_something(home: Home) -> None:
    await home.attach()
    first, _second = await home.row(), await home.row()
    assert await home.ask(messages.CountUnread()) == 0
    home.clock.ahead = RECOUNT_AFTER + timedelta(seconds=1)
    assert await home.ask(messages.MarkRead((first.id,))) == messages.Marked(1, 1)


async def test_what_a_sync_told_is_not_announced_on_that_connection_again(home: Home) -> None:
    named, missed = await home.row(), await home.row()
    synced, other = await home.attach(), await home.attach()
    await home.ask(messages.Sync(synced, named.id, 10))
    for row in (named, missed):
        home.deliver(row)
    await home.settled()
    assert synced.types == ["authentication_success", "notifications.sync"]
    assert other.types == ["authentication_success", "notification.new", "notification.new"]


async def test_a_sync_does_not_look_back_to_what_was_announced_here(home: Home) -> None:
    connection = await home.attach()
    early = await home.row(writer="another#1")
    home.deliver(early)
    later = await home.row()
    await home.ask(messages.Sync(connection, later.id, 10))
    assert connection.frames[-1]["data"]["notifications"] == []


async def test_of_two_rows_at_one_position_the_greater_id_is_the_later(home: Home) -> None:
    connection = await home.attach()
    at = home.clock.store_now()
    rows = [await home.row(id=UUID(int=place), created_at=at, floor=at) for place in (1, 2, 3)]
    await home.ask(messages.Sync(connection, rows[1].id, 10))
    missed = connection.frames[-1]["data"]["notifications"]
    assert [row["id"] for row in missed] == [str(rows[0].id), str(rows[2].id)]


async def test_a_sync_of_a_connection_that_is_gone_sends_nothing(home: Home) -> None:
    await home.attach()
    stranger = RecordingConnection()
    await home.ask(messages.Sync(stranger, None, 10))
    assert stranger.frames == []


async def test_a_sync_since_nobodys_notification_is_refused(home: Home) -> None:
    connection = await home.attach()
    with pytest.raises(UnknownNotification):
        await home.ask(messages.Sync(connection, uuid4(), 10))


async def test_a_page_of_a_sync_ends_where_it_gets_too_long(home: Home) -> None:
    connection = await home.attach()
    many = PAGE_BYTES // (ROW_BYTES + MESSAGE_LIMIT) + 1
    rows = [await home.row(message="x" * MESSAGE_LIMIT) for _ in range(many)]
    told: list[str] = []
    since = None
    for has_more in (True, False):
        await home.ask(messages.Sync(connection, since, 500))
        page = connection.frames[-1]["data"]
        assert page["has_more"] is has_more
        told += [row["id"] for row in page["notifications"]]
        since = UUID(told[-1])
    assert told == [str(row.id) for row in rows]


async def test_when_the_last_connection_goes_the_actor_goes(home: Home) -> None:
    first, second = await home.attach(), await home.attach()
    home.ref.tell(messages.Detach(first))
    await home.settled()
    assert home.idle == 0
    home.ref.tell(messages.Detach(second))
    await _ended(home.ref)
    assert home.idle == 1


async def test_an_actor_with_a_message_waiting_goes_after_it(home: Home) -> None:
    connection = await home.attach()
    row = await home.row()
    home.ref.tell(messages.Detach(connection))
    home.deliver(row)
    await _ended(home.ref)
    assert home.idle == 1
    assert connection.types == ["authentication_success"]


async def test_a_message_that_it_does_not_take_breaks_it(home: Home) -> None:
    home.ref.tell("what is this")
    await _ended(home.ref)
    assert home.broken == 1
    with pytest.raises(ActorDeadError):
        await home.ask(messages.CountUnread())


async def _ended(ref: LoopActorRef[UserActor]) -> None:
    async def has_ended() -> bool:
        return not ref.is_alive()

    await eventually(has_ended)


async def test_a_change_made_elsewhere_is_told_once_with_a_count_read_anew(home: Home) -> None:
    connection = await home.attach()
    first, second = await home.row(), await home.row()
    await home.stores.notifications.mark_read(home.user_id, [first.id], at=first.created_at)
    arrived_at_s = time.monotonic()
    for change in (OneRead(first.id), OneRead(first.id), OneDeleted(second.id), SeveralRead(1)):
        home.ref.tell(messages.Reflect(change, arrived_at_s))
    await home.settled()
    told = ["notification.read", "notification.deleted", "notifications.bulk_read"]
    assert connection.types[1:] == told
    assert [frame["data"]["unread_count"] for frame in connection.frames[1:]] == [1, 1, 1]


async def test_only_the_first_connection_registers_and_what_is_done_is_sent_to_the_others(
    home: Home,
) -> None:
    row = await home.row()
    asker = await home.attach()
    await home.attach()
    assert home.bus.registered == [home.user_id]
    await home.ask(messages.MarkRead((row.id,), asker, "r"))
    await home.ask(messages.MarkRead((row.id,), asker, "r"))
    await home.ask(messages.Delete(row.id))
    assert home.bus.sent == [
        Changed(home.user_id, OneRead(row.id)),
        Changed(home.user_id, OneDeleted(row.id)),
    ]


async def test_of_what_the_store_has_only_the_news_are_told(home: Home) -> None:
    there = await home.row()
    connection = await home.attach()
    announced, missed = await home.row(), await home.row()
    home.deliver(announced)
    await home.ask(messages.MarkRead((there.id,)))
    found = tuple(
        messages.Deliver(row.id, row.created_at, not row.is_read, Announcement(row, NO_NAMES))
        for row in (there, announced, missed)
    )
    changes = (OneRead(there.id), OneDeleted(announced.id))
    for _ in range(2):
        home.ref.tell(messages.CatchUp(found, changes))
    await home.settled()
    assert connection.types[1:] == [
        "notification.new",
        "notification.read",
        "notification.new",
        "notification.deleted",
    ]
    assert connection.frames[3]["data"]["notification_id"] == str(missed.id)


async def test_the_count_of_a_sync_has_the_rows_that_are_announced_only_later(home: Home) -> None:
    named = await home.row()
    connection = await home.attach()
    on_its_way = await home.row()
    await home.ask(messages.Sync(connection, named.id, 10))
    assert connection.frames[-1]["data"]["unread_count"] == 2
    home.deliver(on_its_way)
    assert await home.ask(messages.CountUnread()) == 2
