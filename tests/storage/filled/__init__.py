"""Databases of any size in which the same queries return the same rows.

A module fills the collection that it is named for, by its `documents()`: first those that queries
ask for (who and what they are is in `asked`), then, without end, those that a query must not read:
of others, and of the same users and businesses but out of range, in another state, or finished.
"""

from __future__ import annotations

import importlib
import pkgutil
from itertools import islice
from typing import TYPE_CHECKING

from pymongo import IndexModel

from storage.indexes import INDEXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pymongo.database import Database

    from storage.client import Document

BATCH = 5_000

SMALL, LARGE = 1_000, 10_000
"""Documents each of the large collections."""

LARGE_COLLECTIONS = ("notifications", "follows", "events")
"""What there is ten times as much of as of anything else."""


def fill(database: Database[Document], rows: int) -> None:
    """Fill `database` with `rows` documents each of the large collections, and index it."""
    for found in pkgutil.iter_modules(__path__):
        if found.name != "asked":
            fill_collection(database, found.name, rows)
            # Afterwards: building an index is a third of the work of keeping it up to date.
            index_collection(database, found.name)


def fill_collection(database: Database[Document], name: str, rows: int) -> None:
    """Fill one collection."""
    documents = importlib.import_module(f"{__name__}.{name}").documents()
    wanted = rows if name in LARGE_COLLECTIONS else rows // 10
    for batch in _batches(islice(documents, wanted)):
        database[name].insert_many(batch, ordered=False)


def index_collection(database: Database[Document], name: str) -> None:
    """Build the indexes of one collection."""
    models = [
        IndexModel([(key, 1) for key in index.keys], name=index.name, **index.options)
        for index in INDEXES
        if index.collection == name
    ]
    if models:
        database[name].create_indexes(models)


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    rest = iter(documents)
    while batch := list(islice(rest, BATCH)):
        yield batch
