"""Only the rows that a query returns cost it, however many there are.

Each use of each repository is run on a small and on a large database (tests/storage/filled), and
must return the same from both at about the same cost. The cost is the processor time of the store:
its `explain` says how many rows a query returned, not how many it read, and how long it took says
what else the machine was doing.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from storage.client import open_client
from storage.follows import FollowsRepository
from storage.stores import open_stores
from tests.storage.cpu_clock import CpuClock
from tests.storage.filled import LARGE, SMALL, fill_collection
from tests.storage.uses import USES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pymongo
    from motor.motor_asyncio import AsyncIOMotorClient

    from storage.client import Document
    from storage.encryption import FieldCipher
    from storage.positions import PositionClock
    from tests.storage.uses.use import Use

GROWTH = 3.0
"""How much more a query may cost in the large database; without its index it costs 5 to 14 times
as much, with it less than twice."""

ROUNDS = 10


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a use cost in the large database, in terms of the small, and what each returned."""

    growth: float
    few: Any
    many: Any


@dataclass(frozen=True, slots=True)
class Comparer:
    """Runs a use on two databases of one store."""

    client: AsyncIOMotorClient[Document]
    cipher: FieldCipher
    clock: PositionClock

    async def compare(
        self, use: Use, small: str, large: str, *, is_for_all_rounds: bool = False
    ) -> Comparison:
        """Run until the cost is found to be about the same, or for all the rounds."""
        cpu = await CpuClock.of(self.client)
        least: dict[str, float] = {}
        results: dict[str, Any] = {}
        for _ in range(ROUNDS):
            for name in (small, large):
                stores = open_stores(self.client[name], self.cipher, self.clock)
                async with use.on(self.client[name]):
                    before_s = cpu.seconds()
                    results[name] = await use.run(stores)
                    cost_s = cpu.seconds() - before_s
                # The least of several, because what the store does beside only ever adds.
                least[name] = min(least.get(name, cost_s), cost_s)
            if least[large] < GROWTH * least[small] and not is_for_all_rounds:
                break
        return Comparison(least[large] / least[small], results[small], results[large])


@pytest.fixture
async def comparer(
    mongodb_uri: str, cipher: FieldCipher, clock: PositionClock
) -> AsyncIterator[Comparer]:
    client = open_client(mongodb_uri, app_name="tests")
    yield Comparer(client, cipher, clock)
    await client.aclose()


@pytest.mark.parametrize("use", USES, ids=str)
async def test_a_query_costs_what_it_returns(
    use: Use, comparer: Comparer, small: str, large: str
) -> None:
    found = await comparer.compare(use, small, large)
    assert found.few == found.many
    assert found.few is None or found.few
    assert found.growth < GROWTH


async def test_a_query_without_its_index_is_found_out(
    comparer: Comparer, filling: pymongo.MongoClient[Document]
) -> None:
    small, large = (f"unindexed_{rows}_{uuid.uuid4().hex[:8]}" for rows in (SMALL, LARGE))
    fill_collection(filling[small], "follows", SMALL)
    fill_collection(filling[large], "follows", LARGE)
    use = next(use for use in USES if use.method == FollowsRepository.range)
    # What the store does beside may make the small one's first run as dear as the large one's.
    found = await comparer.compare(use, small, large, is_for_all_rounds=True)
    assert found.few == found.many
    assert found.growth > GROWTH
