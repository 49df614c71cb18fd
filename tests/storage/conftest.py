"""The repositories over the embedded store, one database a module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from storage.client import open_client
from storage.encryption import FieldCipher
from storage.indexes import ensure_indexes
from storage.positions import PositionClock
from storage.stores import open_stores
from tests.storage.samples import KEY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.stores import Stores


@pytest.fixture
async def database(
    mongodb_uri: str, database_name: str
) -> AsyncIterator[AsyncIOMotorDatabase[Document]]:
    """Open the module's database, with its indexes, by a client of this test's own."""
    client = open_client(mongodb_uri, app_name="tests")
    await ensure_indexes(client[database_name])
    yield client[database_name]
    client.close()


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
