"""What every test may ask for: the real stores, started once a session, empty for each module.

Fixtures of one package live in that package's own `conftest.py`. Async tests and async fixtures
run on the `io_loop` of pytest-tornasync.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pymongo
import pytest
from coverage import Coverage
from hypothesis import settings
from tornado.ioloop import IOLoop

from storage.client import open_client
from storage.embedded import EmbeddedMongo
from storage.embedded_redis import EmbeddedRedis
from storage.indexes import ensure_indexes
from tests.support.redis_cluster import LocalCluster

# The same in every run, and none may fail for being slow; `make test-long` looks for more.
settings.register_profile("tests", deadline=None, database=None, derandomize=True)
settings.register_profile("long", deadline=None, database=None, max_examples=1_000)
settings.load_profile("tests")

DATABASE = "tests"

TURNS = ("flows", "browser", "tasks", "storage", "actors", "server")
"""No program that runs tests is to be left alone with a long file when the others are done."""

MEASURED = ("config", "rules", "storage", "actors", "tasks", "server")

UNMEASURED = (
    "flows/",
    "browser/",
    "bench/",
    "server/test_fuzz.py",
    "server/test_roles.py",
    "server/test_socket_fuzz.py",
    "storage/test_queries.py",
    "storage/test_query_costs.py",
    "storage/test_routing.py",
)
"""What takes half as long untraced; lines count by the tests beside them, which fail first."""

PROPERTY = "hypothesis"
"""The mark of what hypothesis tries: the same lines over and over, with few of its own."""


@pytest.fixture(scope="module", autouse=True)
def left_open() -> Iterator[None]:
    """Collect what a module left behind when it is done: a warning about it fails that module.

    What was left open (a client, a socket) is otherwise an error of whichever later test the
    collector happens to run in. Of a task asyncio only logs that it was pending.
    """
    yield
    gc.collect()


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
    """Name the database, which is dropped when the module is done.

    Of 3,000 rows each of the large collections that takes the store 2 s of processor time, and its
    indexes made anew 0.1 s; to delete the rows would take it 7 s.
    """
    yield DATABASE
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri, journal=False, w=1) as client:
        client.drop_database(DATABASE)


@pytest.fixture(scope="module")
def indexed_database_name(mongodb_uri: str, database_name: str) -> str:
    """Name the database, with its indexes."""

    async def index() -> None:
        client = open_client(mongodb_uri, app_name="tests")
        await ensure_indexes(client[database_name])
        await client.aclose()

    # A loop beside that of the tests, which stays the current one.
    loop = asyncio.new_event_loop()
    loop.run_until_complete(index())
    loop.close()
    return database_name


def pytest_collection_finish() -> None:
    """Spare the collector the tests themselves: they are 350,000 objects, and 0.2 s each time."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes long first, and give every async test a loop, named or not."""
    items.sort(key=_turn)
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
            if "io_loop" in item.fixturenames:
                item.fixturenames.remove("io_loop")
            item.fixturenames.insert(0, "io_loop")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Have the coverage see what is measured as it is loaded, and nothing of the collecting.

    That would take twice as long, like all that Python does while it is traced.
    """
    if Coverage.current() is None:
        return (yield)
    for name in MEASURED:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            importlib.import_module(module.name)
    importlib.import_module("run")
    with _unmeasured():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Have the coverage see nothing of what is unmeasured, from its fixtures on."""
    with _unmeasured() if _is_unmeasured(item) else nullcontext():
        return (yield)


@contextmanager
def _unmeasured() -> Iterator[None]:
    measuring = Coverage.current()
    if measuring is None:
        yield
        return
    measuring.stop()
    try:
        yield
    finally:
        measuring.start()


def _is_unmeasured(item: pytest.Item) -> bool:
    return _path(item).startswith(UNMEASURED) or item.get_closest_marker(PROPERTY) is not None


def _turn(item: pytest.Item) -> int:
    folder = _path(item).partition("/")[0]
    return TURNS.index(folder) if folder in TURNS else len(TURNS)


def _path(item: pytest.Item) -> str:
    return item.path.relative_to(Path(__file__).parent).as_posix()


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
