"""Who is connected here, and what becomes of those who cannot keep up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from actors import messages
from actors.connection import CloseCode
from actors.directory import CONNECTIONS_PER_USER, Directory, UserRef
from actors.frames import Announcement
from actors.loop_actor import LoopActor
from actors.mailbox import MailboxFull
from actors.user import UserActor
from storage.names import Names
from storage.notifications import NotificationRow
from storage.positions import PositionClock
from storage.stores import Stores
from tests.storage.samples import a_row
from tests.support.actors import RecordingConnection, UserActors
from tests.support.world import eventually


@pytest.fixture
async def directory(stores: Stores) -> AsyncIterator[Directory]:
    actors = UserActors(stores)
    made = Directory(actors.start)
    yield made
    await made.close_all(CloseCode.SERVER_RESTARTING, deadline_s=5)
    await actors.end()


def announce(directory: Directory, *rows: NotificationRow) -> None:
    directory.deliver(rows, Announcement(rows[0], Names({}, {})))


def a_new_row(user_id: UUID, **changes: Any) -> NotificationRow:
    now = PositionClock().store_now()
    return a_row(user_id, created_at=now, **changes)


async def gone(directory: Directory) -> None:
    async def is_empty() -> bool:
        return len(directory) == 0

    await eventually(is_empty)


async def test_connections_of_one_user_share_one_actor(directory: Directory) -> None:
    user_id = uuid4()
    first, second = RecordingConnection(), RecordingConnection()
    await directory.attach(user_id, first)
    await directory.attach(user_id, second)
    assert len(directory) == 1
    announce(directory, a_new_row(user_id))
    ref = directory.find(user_id)
    assert ref is not None
    await ref.request(messages.CountUnread(), deadline_s=5)
    for connection in (first, second):
        await eventually(partial(_has_been_told, connection))
    directory.detach(user_id, first)
    directory.detach(user_id, second)
    await gone(directory)


async def test_it_says_how_many_messages_wait_for_users(directory: Directory) -> None:
    user_ids = [uuid4(), uuid4()]
    for user_id in user_ids:
        await directory.attach(user_id, RecordingConnection())
    assert directory.waiting() == 0
    for user_id in (*user_ids, user_ids[0]):
        directory.show(user_id, b"{}")
    assert directory.waiting() == 3


async def _has_been_told(connection: RecordingConnection) -> bool:
    return connection.types == ["authentication_success", "notification.new"]


async def test_of_too_many_connections_the_oldest_goes(directory: Directory) -> None:
    user_id = uuid4()
    connections = [RecordingConnection() for _ in range(CONNECTIONS_PER_USER)]
    for connection in connections:
        await directory.attach(user_id, connection)
    assert not any(connection.closed_with for connection in connections)
    for oldest in connections[:3]:
        await directory.attach(user_id, RecordingConnection())
        assert oldest.closed_with == CloseCode.TOO_MANY_CONNECTIONS
    assert not any(connection.closed_with for connection in connections[3:])
    announce(directory, a_new_row(user_id))
    await eventually(partial(_has_been_told, connections[3]))
    assert connections[2].types == ["authentication_success"]


async def test_one_that_has_left_takes_nobodys_place(directory: Directory) -> None:
    user_id = uuid4()
    connections = [RecordingConnection() for _ in range(CONNECTIONS_PER_USER)]
    for connection in connections:
        await directory.attach(user_id, connection)
    directory.detach(user_id, connections[5])
    await directory.attach(user_id, RecordingConnection())
    assert not any(connection.closed_with for connection in connections)


class Listener:
    def __init__(self) -> None:
        self.opened_serials: list[int] = []

    def opened(self, user_id: UUID, serial: int) -> None:
        self.opened_serials.append(serial)

    def closed(self, user_id: UUID, serial: int) -> None:
        pass

    def forget(self, user_id: UUID) -> None:
        pass


async def test_one_that_leaves_while_it_is_let_in_is_never_said_to_be_here(stores: Stores) -> None:
    user_id, listener, actors = uuid4(), Listener(), UserActors(stores)
    directory = Directory(actors.start, listener)
    await directory.attach(user_id, RecordingConnection())
    assert len(listener.opened_serials) == 1
    leaving = RecordingConnection()
    attaching = asyncio.create_task(directory.attach(user_id, leaving))
    await asyncio.sleep(0)
    directory.detach(user_id, leaving)
    await attaching
    assert len(listener.opened_serials) == 1
    await directory.close_all(CloseCode.SERVER_RESTARTING, deadline_s=5)
    await actors.end()


async def test_one_that_does_not_get_in_takes_nobodys_place(stores: Stores) -> None:
    user_id = uuid4()
    actors = UserActors(stores)
    directory = Directory(actors.start, connections_per_user=1)
    kept = RecordingConnection()
    await directory.attach(user_id, kept)
    ref = directory.find(user_id)
    assert ref is not None
    for _ in range(UserActor.mailbox_limit):
        ref.tell(messages.Detach(RecordingConnection()))
    with pytest.raises(MailboxFull):
        await directory.attach(user_id, RecordingConnection())
    assert kept.closed_with is None
    await directory.close_all(CloseCode.SERVER_RESTARTING, deadline_s=5)
    await actors.end()


async def test_nobody_is_told_who_is_not_here_or_has_no_such_row_in_the_inbox(
    directory: Directory,
) -> None:
    user_id = uuid4()
    connection = RecordingConnection()
    await directory.attach(user_id, connection)
    announce(
        directory,
        a_new_row(uuid4()),
        a_new_row(user_id, in_app=False),
        a_new_row(user_id, is_deleted=True),
    )
    ref = directory.find(user_id)
    assert ref is not None
    await ref.request(messages.CountUnread(), deadline_s=5)
    assert connection.types == ["authentication_success"]


async def test_a_connection_that_was_never_attached_can_be_let_go(directory: Directory) -> None:
    user_id = uuid4()
    directory.detach(user_id, RecordingConnection())
    connection = RecordingConnection()
    await directory.attach(user_id, connection)
    directory.detach(user_id, RecordingConnection())
    assert len(directory) == 1


async def test_a_full_mailbox_closes_the_users_connections_as_too_slow(
    directory: Directory,
) -> None:
    user_id = uuid4()
    connection = RecordingConnection()
    await directory.attach(user_id, connection)
    announce(directory, *(a_new_row(user_id) for _ in range(UserActor.mailbox_limit + 1)))
    assert connection.closed_with is CloseCode.SLOW_READER
    assert directory.find(user_id) is None
    directory.detach(user_id, connection)


async def test_a_full_mailbox_while_letting_go_closes_the_others(directory: Directory) -> None:
    user_id = uuid4()
    leaving, staying = RecordingConnection(), RecordingConnection()
    await directory.attach(user_id, leaving)
    await directory.attach(user_id, staying)
    announce(directory, *(a_new_row(user_id) for _ in range(UserActor.mailbox_limit)))
    directory.detach(user_id, leaving)
    assert staying.closed_with is CloseCode.SLOW_READER
    assert leaving.closed_with is None
    assert len(directory) == 0


async def test_a_broken_actor_closes_its_connections_and_the_next_one_is_new(
    directory: Directory,
) -> None:
    user_id = uuid4()
    connection = RecordingConnection()
    await directory.attach(user_id, connection)
    ref = directory.find(user_id)
    assert ref is not None
    ref.tell("what is this")
    await gone(directory)
    assert connection.closed_with is CloseCode.INTERNAL_ERROR
    again = RecordingConnection()
    await directory.attach(user_id, again)
    assert again.types == ["authentication_success"]


async def test_an_actor_that_breaks_after_it_was_dropped_harms_nobody(directory: Directory) -> None:
    user_id = uuid4()
    connection = RecordingConnection()
    await directory.attach(user_id, connection)
    ref = directory.find(user_id)
    assert ref is not None
    ref.tell("what is this")
    announce(directory, *(a_new_row(user_id) for _ in range(UserActor.mailbox_limit)))
    assert connection.closed_with is CloseCode.SLOW_READER
    again = RecordingConnection()
    await directory.attach(user_id, again)
    await eventually(lambda: _has_ended(ref))
    assert again.closed_with is None


async def _has_ended(ref: UserRef) -> bool:
    return not ref.is_alive()


async def test_an_actor_that_ended_behind_the_directorys_back_is_replaced(
    directory: Directory,
) -> None:
    user_id = uuid4()
    connection = RecordingConnection()
    await directory.attach(user_id, connection)
    ref = directory.find(user_id)
    assert ref is not None
    await ref.stop_and_wait(deadline_s=5)
    announce(directory, a_new_row(user_id))
    assert connection.closed_with is CloseCode.INTERNAL_ERROR
    assert directory.find(user_id) is None


async def test_going_away_closes_every_connection(directory: Directory) -> None:
    connections = [RecordingConnection() for _ in range(3)]
    await asyncio.gather(*(directory.attach(uuid4(), each) for each in connections))
    await directory.close_all(CloseCode.SERVER_RESTARTING, deadline_s=5)
    assert {each.closed_with for each in connections} == {CloseCode.SERVER_RESTARTING}
    assert len(directory) == 0


class _Stuck(LoopActor):
    """Takes a connection and then waits for `gate` with whatever comes next."""

    def __init__(self, gate: asyncio.Event) -> None:
        super().__init__()
        self._gate = gate

    async def on_receive(self, message: object) -> None:
        if not isinstance(message, messages.Attach):
            await self._gate.wait()


async def test_an_actor_that_does_not_end_holds_nobody_up_for_long() -> None:
    gate = asyncio.Event()
    stuck: Any = _Stuck.start(gate)
    directory = Directory(lambda *_, **__: stuck)
    connection, user_id = RecordingConnection(), uuid4()
    await directory.attach(user_id, connection)
    announce(directory, a_new_row(user_id))
    with capture_logs() as lines:
        await directory.close_all(CloseCode.SERVER_RESTARTING, deadline_s=0.05)
    assert connection.closed_with is CloseCode.SERVER_RESTARTING
    assert [(line["event"], line["count"]) for line in lines] == [("users_did_not_end", 1)]
    gate.set()
    await stuck.stop_and_wait(deadline_s=5)
