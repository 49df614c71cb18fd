from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.support.own_redis import OwnRedis, own_redis


@pytest.fixture
def store(tmp_path: Path) -> Iterator[OwnRedis]:
    with own_redis(tmp_path / "redis") as store:
        yield store


@pytest.fixture
def client(store: OwnRedis) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(store.url) as client:
        yield client
