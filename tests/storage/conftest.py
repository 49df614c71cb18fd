"""The repositories over the embedded store, one database a module."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pymongo
import pytest

from storage.client import open_client
from storage.encryption import FieldCipher
from storage.positions import PositionClock
from storage.stores import open_stores
from tests.storage.filled import LARGE, SMALL, fill
from tests.storage.samples import KEY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.stores import Stores


@pytest.fixture
async def database(
    mongodb_uri: str, indexed_database_name: str
) -> AsyncIterator[AsyncIOMotorDatabase[Document]]:
    """Open the database, with its indexes, by a client of this test's own."""
    client = open_client(mongodb_uri, app_name="tests")
    yield client[indexed_database_name]
    await client.aclose()


@pytest.fixture
def clock() -> PositionClock:
    return PositionClock()


@pytest.fixture
def cipher() -> FieldCipher:
    return FieldCipher([KEY])


@pytest.fixture
def stores(
    database: AsyncIOMotorDatabase[Document], cipher: FieldCipher, clock: PositionClock
) -> Stores:
    return open_stores(database, cipher, clock)


@pytest.fixture(scope="session")
def filling(mongodb_uri: str) -> Iterator[pymongo.MongoClient[Document]]:
    """Open a client that does not wait for the disk."""
    with pymongo.MongoClient[Any](
        mongodb_uri, journal=False, w=1, uuidRepresentation="standard"
    ) as client:
        yield client


@pytest.fixture(scope="session")
def small(filling: pymongo.MongoClient[Document]) -> str:
    """Name the database that holds little more than what the uses ask for."""
    name = f"small_{uuid.uuid4().hex[:8]}"
    fill(filling[name], SMALL)
    return name


@pytest.fixture(scope="session")
def large(filling: pymongo.MongoClient[Document]) -> str:
    """Name the database that holds much that no use asks for."""
    name = f"large_{uuid.uuid4().hex[:8]}"
    fill(filling[name], LARGE)
    return name
