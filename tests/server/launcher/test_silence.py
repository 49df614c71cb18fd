"""Stores of the whole service that live and answer no more."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from server.embedded_uris import read_uris
from tests.server.launcher.program import Service, run, wait_until


class ImpatientService(Service):
    command = (sys.executable, "-m", "tests.support.impatient")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = ImpatientService(tmp_path / "var", SNB_LOG_FORMAT="json")
    yield service
    service.end()


NOTHING_NEW = "demo data: 0 new events, 0 new follows\n"


def test_stores_that_are_silent_are_replaced_and_have_all_that_they_acknowledged(
    service: Service,
) -> None:
    def seed() -> str:
        """Say what was new once the whole of it went through: a busy store may be killed, too."""
        outputs: list[str] = []

        def says() -> bool:
            outputs.append(run(service.data_dir, "seed", **service.environ).stdout)
            return bool(outputs[-1])

        wait_until(says)
        return outputs[-1]

    wait_until(service.is_ready)
    wait_until(lambda: seed() == NOTHING_NEW)
    with redis.Redis.from_url(read_uris(service.data_dir)["SNB_REDIS_URL"]) as client:
        client.set("kept", "by Redis")
    silent = {name: service.family()[name] for name in ("secantusd", "valkey-server")}
    for store in silent.values():
        store.suspend()
    wait_until(lambda: not any(store.is_running() for store in silent.values()))
    wait_until(lambda: silent.keys() <= service.family().keys())
    wait_until(service.is_ready)
    assert service.output.read_text().count('"event": "store_silent"') >= len(silent)
    assert seed() == NOTHING_NEW
    with redis.Redis.from_url(read_uris(service.data_dir)["SNB_REDIS_URL"]) as client:
        assert client.get("kept") == b"by Redis"
