from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from storage.stores import Stores
from tests.actors.subject_lane.bench import SOON_S, Bench


@pytest.fixture
async def bench(stores: Stores) -> AsyncIterator[Bench]:
    made = Bench(stores)
    yield made
    await made.lane.stop_and_wait(deadline_s=SOON_S)
    await made.actors.end()
