"""People whose requests come to another process than the one that they are connected to."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from actors.inbox import Inbox
from tests.support.actors import Away, RecordingConnection
from tests.support.bus import BusProcess, until


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
