"""The threads of a client of the store."""

from __future__ import annotations

import asyncio
import threading

import pytest

from storage.client import open_client
from storage.threads import THREADS

DEADLINE_S = 60.0


@pytest.mark.parametrize(
    ("pool", "most"),
    [("maxPoolSize=5", 5), ("maxPoolSize=100", THREADS), ("maxPoolSize=0", THREADS)],
)
async def test_a_client_has_as_many_threads_as_connections_and_at_most_ten(
    pool: str, most: int
) -> None:
    client = open_client(f"mongodb://127.0.0.1:1/?{pool}", app_name="test")
    together = threading.Barrier(most, timeout=DEADLINE_S)

    def work() -> int:
        together.wait()
        return threading.get_ident()

    try:
        used = await asyncio.gather(*(client.threads.run(work) for _ in range(2 * THREADS)))
    finally:
        client.close()
    assert len(set(used)) == most
