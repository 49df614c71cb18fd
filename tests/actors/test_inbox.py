"""The inbox answers the same whether its user is connected or not."""

from __future__ import annotations

from uuid import uuid4

import pytest

from actors.directory import Directory
from actors.inbox import Inbox
from actors.messages import Marked
from storage.positions import PositionClock
from storage.stores import Stores
from tests.storage.samples import a_row
from tests.support.actors import RecordingConnection, UserActors, nobody_elsewhere


@pytest.mark.parametrize("is_connected", [False, True], ids=["away", "connected"])
async def test_reading_clicking_and_deleting(is_connected: bool, stores: Stores) -> None:
    actors = UserActors(stores)
    directory = Directory(actors.start)
    inbox = Inbox(directory, stores.notifications, PositionClock(), actors.bus, nobody_elsewhere())
    user_id, connection = uuid4(), RecordingConnection()
    rows = [a_row(user_id) for _ in range(5)]
    await stores.notifications.insert(rows)
    if is_connected:
        await directory.attach(user_id, connection)
    assert await inbox.unread_count(user_id) == 5
    assert await inbox.mark_read(user_id, (rows[0].id, uuid4())) == Marked(1, 4)
    assert await inbox.click(user_id, rows[4].id, "view") == Marked(1, 3)
    assert await inbox.delete(user_id, rows[1].id) is True
    assert await inbox.delete(user_id, rows[1].id) is False
    assert await inbox.mark_all_read(user_id) == Marked(2, 0)
    assert await inbox.unread_count(user_id) == 0
    told = [
        "notifications.bulk_read",
        "notification.read",
        "notification.deleted",
        "notifications.bulk_read",
    ]
    assert connection.types == (["authentication_success", *told] if is_connected else [])
    await actors.end()
