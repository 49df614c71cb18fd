from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from storage.client import open_client
from storage.positions import PositionClock
from tests.tasks.statistics.platform import Platform


@pytest.fixture
async def platform(mongodb_uri: str, indexed_database_name: str) -> AsyncIterator[Platform]:
    client = open_client(mongodb_uri, app_name="tests")
    database = client[indexed_database_name]
    yield Platform(database, PositionClock())
    for name in ("notifications", "daily_stats", "business_stats", "opt_outs", "users"):
        await database[name].delete_many({})
    await client.aclose()
