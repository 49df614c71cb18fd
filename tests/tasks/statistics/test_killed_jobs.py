"""What a job leaves that is killed at any command, the next one makes right."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from rules.opt_outs import Way
from storage.client import open_client
from storage.encryption import FieldCipher
from storage.stores import open_stores
from tests.storage.samples import KEY
from tests.tasks.statistics.platform import BUSINESSES, Platform


class Killing(CommandListener):
    """Cancels a task as soon as its store was sent so many commands, like a kill in between."""

    def __init__(self, after: int) -> None:
        self._left = after
        self._loop = asyncio.get_running_loop()
        self.task: asyncio.Task[Any] | None = None

    def started(self, event: CommandStartedEvent) -> None:
        self._left -= 1
        if self._left == 0 and self.task is not None:
            self._loop.call_soon_threadsafe(self.task.cancel)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        pass

    def failed(self, event: CommandFailedEvent) -> None:
        pass


async def killed_after(platform: Platform, commands: int, uri: str) -> bool:
    """Count until that many commands were sent; tell whether it was not done before."""
    killing = Killing(commands)
    client = open_client(uri, app_name="tests", event_listeners=[killing])
    stores = open_stores(client[platform.database.name], FieldCipher([KEY]), platform.clock)
    killing.task = asyncio.create_task(platform.statistics(stores).count_open(platform.now))
    try:
        await killing.task
    except asyncio.CancelledError:
        return True
    finally:
        await client.aclose()
    return False


async def test_a_job_killed_anywhere_leaves_what_the_next_one_makes_right(
    platform: Platform, mongodb_uri: str
) -> None:
    await platform.notify(2, business_id=BUSINESSES[0])
    await platform.statistics().count_open(platform.now)
    commands = 1
    while True:
        row = await platform.notify(1 + commands % 2, business_id=BUSINESSES[commands % 2])
        user_id = uuid4()
        await platform.stores.users.change_preferences(
            user_id, {"mute_all": True}, user_type="ngo", at=row.created_at
        )
        was_killed = await killed_after(platform, commands, mongodb_uri)
        await platform.statistics().count_open(platform.now)
        opt_outs = 0
        for days_ago in (2, 1):
            await platform.assert_right(platform.day(days_ago))
            kept = await platform.kept(platform.day(days_ago))
            opt_outs += kept.opt_outs.get(("all", Way.SWITCHED_OFF), 0)
        assert opt_outs == commands
        if not was_killed:
            break
        commands += 1
    assert commands > 20
