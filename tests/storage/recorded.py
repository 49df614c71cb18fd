"""What a repository asks of the store, as it was sent over the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pymongo.monitoring import CommandListener

from storage.client import open_client
from storage.stores import open_stores

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymongo.monitoring import (
        CommandFailedEvent,
        CommandStartedEvent,
        CommandSucceededEvent,
    )

    from storage.client import Document
    from storage.encryption import FieldCipher
    from storage.positions import PositionClock
    from tests.storage.uses.use import Use


@dataclass(frozen=True, slots=True)
class Sent:
    """A filter, as a repository sent it."""

    command: str
    collection: str
    filter: dict[str, Any]
    is_of_one: bool = False
    """Whether it updates or deletes one row, and no more."""

    may_be_stale: bool = False
    """Whether a secondary may answer."""


class Recorded(CommandListener):
    """Keeps the commands that were sent."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, Any]] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.commands.append((event.command_name, event.command))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        pass

    def failed(self, event: CommandFailedEvent) -> None:
        pass

    def filters(self) -> Iterator[Sent]:
        """Yield the filter of each query and update."""
        for name, command in self.commands:
            may_be_stale = "$readPreference" in command
            match name:
                case "find":
                    collection, query = command["find"], command["filter"]
                    yield Sent(name, collection, query, may_be_stale=may_be_stale)
                case "aggregate":
                    collection, pipeline = command["aggregate"], command["pipeline"]
                    yield from _matched(collection, pipeline, may_be_stale=may_be_stale)
                case "update":
                    for update in command["updates"]:
                        is_of_one = not update.get("multi", False)
                        yield Sent(name, command["update"], update["q"], is_of_one)
                case "delete":
                    for deletion in command["deletes"]:
                        is_of_one = bool(deletion["limit"])
                        yield Sent(name, command["delete"], deletion["q"], is_of_one)
                case _:
                    # Not findAndModify, which scans.
                    assert name in ("insert", "getMore", "endSessions")

    def inserted(self) -> Iterator[tuple[str, Document]]:
        """Yield collection and row of all that was inserted."""
        for name, command in self.commands:
            if name == "insert":
                yield from ((command["insert"], row) for row in command["documents"])


def _matched(
    collection: str, pipeline: list[dict[str, Any]], *, may_be_stale: bool
) -> Iterator[Sent]:
    """Yield the filter with which each part of a pipeline begins."""
    yield Sent("aggregate", collection, pipeline[0]["$match"], may_be_stale=may_be_stale)
    for stage in pipeline:
        if "$unionWith" in stage:
            union = stage["$unionWith"]
            yield from _matched(union["coll"], union["pipeline"], may_be_stale=may_be_stale)


async def recorded(
    use: Use, uri: str, name: str, cipher: FieldCipher, clock: PositionClock
) -> Recorded:
    """Run `use` on the database `name`, and return what was sent."""
    listener = Recorded()
    plain = open_client(uri, app_name="tests")
    client = open_client(uri, app_name="tests", event_listeners=[listener])
    async with use.on(plain[name]):
        await use.run(open_stores(client[name], cipher, clock))
    await plain.aclose()
    await client.aclose()
    assert listener.commands
    # With its quotes: ids and what is encrypted are shown as any characters.
    assert "'$or'" not in repr(listener.commands)
    assert not any("hint" in command for _, command in listener.commands)
    return listener
