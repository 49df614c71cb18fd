"""Frames that no row stands behind reach every connection of their user, and nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from actors import messages
from actors.connection import CloseCode
from actors.directory import Directory
from actors.frames import to_json
from actors.socket_events import SocketEvent, SocketEvents
from actors.user import UserActor
from storage.stores import Stores
from tests.support.actors import RecordingBus, RecordingConnection, UserActors

SOON_S = 30.0


@pytest.fixture
async def directory(stores: Stores) -> AsyncIterator[Directory]:
    actors = UserActors(stores)
    made = Directory(actors.start)
    yield made
    await made.close_all(CloseCode.SERVER_RESTARTING, deadline_s=SOON_S)
    await actors.end()


def frame(name: str) -> bytes:
    return to_json({"type": name})


async def test_a_frame_reaches_every_connection_of_its_user(directory: Directory) -> None:
    user_id = uuid4()
    mine, also_mine, others = (RecordingConnection() for _ in range(3))
    await directory.attach(user_id, mine)
    await directory.attach(user_id, also_mine)
    await directory.attach(uuid4(), others)
    socket_events = SocketEvents(directory, RecordingBus())
    await socket_events.send(user_id, frame("one"))
    await socket_events.send_all(
        [SocketEvent(user_id, frame("two")), SocketEvent(uuid4(), frame("nobody is here"))]
    )
    ref = directory.find(user_id)
    assert ref is not None
    await ref.request(messages.CountUnread(), deadline_s=SOON_S)
    for connection in (mine, also_mine):
        assert connection.types == ["authentication_success", "one", "two"]
    assert others.types == ["authentication_success"]


async def test_nothing_is_sent_before_the_greeting(directory: Directory) -> None:
    user_id = uuid4()
    await directory.attach(user_id, RecordingConnection())
    ref = directory.find(user_id)
    assert ref is not None
    connection = RecordingConnection()
    attaching = ref.ask(messages.Attach(connection), block=False)
    await SocketEvents(directory, RecordingBus()).send(user_id, frame("early"))
    await attaching
    await ref.request(messages.CountUnread(), deadline_s=SOON_S)
    assert connection.types == ["authentication_success", "early"]


async def test_a_full_mailbox_closes_the_users_connections_as_too_slow(
    directory: Directory,
) -> None:
    user_id = uuid4()
    connection = RecordingConnection()
    await directory.attach(user_id, connection)
    socket_events = SocketEvents(directory, RecordingBus())
    await socket_events.send_all(
        SocketEvent(user_id, frame("much")) for _ in range(UserActor.mailbox_limit + 1)
    )
    assert connection.closed_with is CloseCode.SLOW_READER
