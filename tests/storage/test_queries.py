"""Every query of every repository: by which index it goes, and that shards would take it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pymongo
import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.monitoring import CommandListener

import storage
from storage.aged_notifications import AgedNotifications
from storage.campaign_mails import CampaignMails
from storage.client import open_client
from storage.delivery_feedback import DeliveryFeedback
from storage.delivery_records import DeliveryRecords
from storage.fates import FatesRepository
from storage.indexes import INDEXES
from storage.shard_keys import SHARD_KEYS
from storage.stores import open_stores
from storage.unsent import UnsentRepository
from tests.storage.uses import USES, WITHOUT_USE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymongo.database import Database
    from pymongo.monitoring import (
        CommandFailedEvent,
        CommandStartedEvent,
        CommandSucceededEvent,
    )

    from storage.client import Document
    from storage.encryption import FieldCipher
    from storage.positions import PositionClock
    from tests.storage.uses.use import Use


def repositories() -> Iterator[type[Any]]:
    """Yield every class of `storage` that is made over a database."""
    for found in pkgutil.iter_modules(storage.__path__):
        module = importlib.import_module(f"storage.{found.name}")
        for _, each in inspect.getmembers(module, inspect.isclass):
            is_its_own = each.__module__ == module.__name__
            if is_its_own and "database" in inspect.signature(each.__init__).parameters:
                yield each


def test_every_method_of_every_repository_is_used() -> None:
    methods: set[Any] = {
        method
        for repository in repositories()
        for name, method in inspect.getmembers(repository, inspect.isfunction)
        if not name.startswith("_")
    }
    assert methods - {use.method for use in USES} == WITHOUT_USE


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
            match name:
                case "find":
                    yield Sent(command["find"], command["filter"])
                case "aggregate":
                    yield from _matched(command["aggregate"], command["pipeline"])
                case "update":
                    for update in command["updates"]:
                        yield Sent(
                            command["update"],
                            update["q"],
                            is_update_of_one=not update.get("multi", False),
                        )
                case "delete":
                    for deletion in command["deletes"]:
                        yield Sent(
                            command["delete"],
                            deletion["q"],
                            is_update_of_one=bool(deletion["limit"]),
                        )
                case _:
                    # Not findAndModify, which scans.
                    assert name in ("insert", "getMore", "endSessions")


@dataclass(frozen=True, slots=True)
class Sent:
    """A filter, as a repository sent it."""

    collection: str
    filter: dict[str, Any]
    is_update_of_one: bool = False


def _matched(collection: str, pipeline: list[dict[str, Any]]) -> Iterator[Sent]:
    """Yield the filter with which each part of a pipeline begins."""
    yield Sent(collection, pipeline[0]["$match"])
    for stage in pipeline:
        if "$unionWith" in stage:
            yield from _matched(stage["$unionWith"]["coll"], stage["$unionWith"]["pipeline"])


async def sent_by(
    use: Use, uri: str, name: str, cipher: FieldCipher, clock: PositionClock
) -> list[Sent]:
    recorded = Recorded()
    plain = open_client(uri, app_name="tests")
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
        uri, uuidRepresentation="standard", tz_aware=True, event_listeners=[recorded]
    )
    async with use.on(plain[name]):
        await use.run(open_stores(client[name], cipher, clock))
    plain.close()
    client.close()
    assert recorded.commands
    # With its quotes: ids and what is encrypted are shown as any characters.
    assert "'$or'" not in repr(recorded.commands)
    assert not any("hint" in command for _, command in recorded.commands)
    return list(recorded.filters())


def index_of(database: Database[Document], sent: Sent) -> str | None:
    """Return the index by which the store goes, or None when it scans the collection.

    As the embedded store does: where none serves the whole filter, by that of the first clause
    that has one. Its `explain` tells only the first half.
    """
    for clauses in (sent.filter, *({key: value} for key, value in sent.filter.items())):
        asked = {"find": sent.collection, "filter": clauses}
        explained = database.command(
            "explain", asked, verbosity="queryPlanner", codec_options=database.codec_options
        )
        stage = explained["queryPlanner"]["winningPlan"]
        while "inputStage" in stage:
            stage = stage["inputStage"]
        if stage["stage"] != "COLLSCAN":
            name: str = stage["indexName"]
            return name
    return None


@pytest.mark.parametrize("use", USES, ids=str)
async def test_a_query_goes_by_the_indexes_made_for_it(
    use: Use, mongodb_uri: str, small: str, cipher: FieldCipher, clock: PositionClock
) -> None:
    sent = await sent_by(use, mongodb_uri, small, cipher, clock)
    with pymongo.MongoClient[Any](mongodb_uri, uuidRepresentation="standard") as client:
        used = {index_of(client[small], each) for each in sent}
    assert used - {"_id_"} == set(use.indexes)


EVERYBODYS = {
    AgedNotifications.count,
    AgedNotifications.rows,
    AgedNotifications.blank,
    AgedNotifications.remove,
    UnsentRepository.due,
    UnsentRepository.due_critical,
    UnsentRepository.due_usual,
    UnsentRepository.claimed,
    DeliveryRecords.page,
    DeliveryRecords.newest,
    DeliveryRecords.count,
    DeliveryRecords.get,
    DeliveryRecords.find_row,
    DeliveryFeedback.recipient_of,
    DeliveryFeedback.take_in,
    FatesRepository.of,
    FatesRepository.count,
    FatesRepository.has_any,
    CampaignMails.gone_wrong,
    CampaignMails.all,
}
"""What workers, operators and providers ask of all shards."""


@pytest.mark.parametrize("use", USES, ids=str)
async def test_a_sharded_store_would_take_it(
    use: Use, mongodb_uri: str, small: str, cipher: FieldCipher, clock: PositionClock
) -> None:
    """An update of one row names the whole shard key; what concerns an inbox goes to one shard."""
    for each in await sent_by(use, mongodb_uri, small, cipher, clock):
        is_of_an_inbox = each.collection == "notifications" and use.method not in EVERYBODYS
        if is_of_an_inbox or each.is_update_of_one:
            # Collections that are not sharded have no key.
            assert SHARD_KEYS.get(each.collection, {}).keys() <= each.filter.keys()


def test_every_index_serves_a_query() -> None:
    served = {name for use in USES for name in use.indexes}
    # By some the store itself removes what has had its time.
    removing = {index.name for index in INDEXES if "expireAfterSeconds" in index.options}
    # A page of the schedules of all senders costs what there is of them.
    assert {index.name for index in INDEXES} - served <= removing | {"created"}


def test_unique_indexes_begin_with_the_shard_key() -> None:
    for index in INDEXES:
        if index.options.get("unique"):
            shard_key = tuple(SHARD_KEYS[index.collection])
            assert index.keys[: len(shard_key)] == shard_key
