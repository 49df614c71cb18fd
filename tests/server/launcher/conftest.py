"""The whole service for a module, or programs that a test starts itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.server.launcher.program import Service, wait_until


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    started: list[Service] = []

    def start_one(*arguments: str, **environ: str) -> Service:
        data_dir = tmp_path / f"var{len(started)}"
        started.append(Service(data_dir, *arguments, is_traced=False, **environ))
        return started[-1]

    yield start_one
    for service in started:
        service.end()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run the whole service for the module."""
    # Tests ask again and again, as no person does.
    data_dir = tmp_path_factory.mktemp("service") / "var"
    service = Service(data_dir, is_traced=True, SNB_RATE_LIMITS="off")
    try:
        wait_until(lambda: service.says("Ctrl-C stops everything"))
        yield service
    finally:
        service.end()
