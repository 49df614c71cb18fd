"""What every test may ask for: the real stores, started once a session, and a database a module.

Fixtures of one package live in that package's own `conftest.py`. Async tests and async fixtures
run on the `io_loop` of pytest-tornasync.
"""

from __future__ import annotations

import functools
import inspect
import uuid
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pymongo
import pytest
from tornado.ioloop import IOLoop

from storage.embedded import EmbeddedMongo, EmbeddedRedis
from tests.support.redis_cluster import LocalCluster


@pytest.fixture(scope="session")
def mongodb_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the embedded MongoDB-compatible store for the session."""
    store = EmbeddedMongo(tmp_path_factory.mktemp("mongodb"))
    yield store.start()
    store.stop()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the embedded Redis-compatible server for the session."""
    store = EmbeddedRedis(tmp_path_factory.mktemp("redis"))
    yield store.start()
    store.stop()


@pytest.fixture(scope="session")
def redis_cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a cluster of three such servers for the session."""
    cluster = LocalCluster(tmp_path_factory.mktemp("redis-cluster"))
    try:
        yield cluster.start()
    finally:
        cluster.stop()


@pytest.fixture(scope="module")
def database_name(mongodb_uri: str) -> Iterator[str]:
    """Name a database of the module's own, dropped when the module is done."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    yield name
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri) as client:
        client.drop_database(name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every async test a loop of its own, also where it does not name `io_loop`."""
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
            if "io_loop" in item.fixturenames:
                item.fixturenames.remove("io_loop")
            item.fixturenames.insert(0, "io_loop")


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Run async fixtures on the test's loop, which pytest-tornasync leaves to its user."""
    function = fixturedef.func
    if not (inspect.isasyncgenfunction(function) or inspect.iscoroutinefunction(function)):
        return (yield)
    loop: IOLoop = request.getfixturevalue("io_loop")
    # pytest has no public way to exchange the function for one call.
    fixturedef.func = _on_loop(loop, function)  # type: ignore[misc]
    try:
        return (yield)
    finally:
        fixturedef.func = function  # type: ignore[misc]


def _on_loop(loop: IOLoop, function: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            return loop.run_sync(lambda: function(*args, **kwargs))

        return run

    @functools.wraps(function)
    def iterate(*args: Any, **kwargs: Any) -> Iterator[Any]:
        values = function(*args, **kwargs)
        yield loop.run_sync(values.__anext__)
        try:
            loop.run_sync(values.__anext__)
        except StopAsyncIteration:
            return

    return iterate
