"""Every query of every repository, and by which index it goes."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING, Any

import pymongo
import pytest

import storage
from storage.indexes import INDEXES
from tests.storage.recorded import recorded
from tests.storage.uses import USES, WITHOUT_USE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymongo.database import Database

    from storage.client import Document
    from storage.encryption import FieldCipher
    from storage.positions import PositionClock
    from tests.storage.recorded import Sent
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


async def sent_by(
    use: Use, uri: str, name: str, cipher: FieldCipher, clock: PositionClock
) -> list[Sent]:
    return list((await recorded(use, uri, name, cipher, clock)).filters())


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
    use: Use,
    mongodb_uri: str,
    small: str,
    filling: pymongo.MongoClient[Document],
    cipher: FieldCipher,
    clock: PositionClock,
) -> None:
    sent = await sent_by(use, mongodb_uri, small, cipher, clock)
    used = {index_of(filling[small], each) for each in sent}
    assert used - {"_id_"} == set(use.indexes)


def test_every_index_serves_a_query() -> None:
    served = {name for use in USES for name in use.indexes}
    # By some the store itself removes what has had its time.
    removing = {index.name for index in INDEXES if "expireAfterSeconds" in index.options}
    # A page of the schedules of all senders costs what there is of them.
    assert {index.name for index in INDEXES} - served <= removing | {"created"}
