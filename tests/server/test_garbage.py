"""What the garbage collector looks at, and how long it stops the process."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

import pytest

from server.garbage import THRESHOLDS, measure_garbage_pauses, put_survivors_aside
from server.handlers.answering import AnsweringHandler
from tests.server.frames import FrameSocket
from tests.server.wire import Wire
from tests.support.api import AN_ID
from tests.support.world import Person, eventually

Freed = Callable[[], Awaitable[bool]]


class Cycle:
    """Refers to itself, so that only the collector frees it."""

    def __init__(self) -> None:
        self.itself = self


async def test_each_collection_is_measured_until_the_end() -> None:
    async with AsyncExitStack() as stack:
        pauses = measure_garbage_pauses(stack)
        gc.collect()
        gc.collect(0)
        assert sum(pauses.counts) == 2
        assert pauses.total_s > 0
    gc.collect()
    assert sum(pauses.counts) == 2


@pytest.mark.parametrize(("generation", "is_put_aside"), [(0, False), (1, True), (2, True)])
async def test_what_outlives_any_collection_but_the_youngest_is_not_looked_at_again(
    generation: int, *, is_put_aside: bool
) -> None:
    async with AsyncExitStack() as stack:
        put_survivors_aside(stack)
        assert gc.get_threshold() == THRESHOLDS
        kept = [[number] for number in range(1_000)]
        ids = {id(each) for each in kept}
        assert any(id(each) in ids for each in gc.get_objects())
        gc.collect(generation)
        assert any(id(each) in ids for each in gc.get_objects()) is not is_put_aside


async def test_what_is_put_aside_is_freed_by_its_last_reference() -> None:
    async with AsyncExitStack() as stack:
        put_survivors_aside(stack)
        kept = {object.__new__(Cycle)}
        gone = weakref.ref(next(iter(kept)))
        gc.collect()
        kept.clear()
        assert gone() is None


async def test_cycles_that_do_not_live_long_are_found() -> None:
    async with AsyncExitStack() as stack:
        put_survivors_aside(stack)
        gone = weakref.ref(Cycle())
        gc.collect()
        assert gone() is None


async def test_in_the_end_all_is_as_before() -> None:
    thresholds, callbacks = gc.get_threshold(), list(gc.callbacks)
    async with AsyncExitStack() as stack:
        measure_garbage_pauses(stack)
        put_survivors_aside(stack)
        assert gc.get_freeze_count() > 0
    assert (gc.get_threshold(), gc.callbacks) == (thresholds, callbacks)
    assert gc.get_freeze_count() == 0


def handlers() -> list[AnsweringHandler]:
    """Return those of all requests that are not freed."""
    return [each for each in gc.get_objects() if issubclass(type(each), AnsweringHandler)]


@pytest.fixture
def is_freed() -> Iterator[Freed]:
    """Return what tells whether all requests from now on are freed, by their last reference."""
    gc.collect()
    gc.disable()
    others = weakref.WeakSet(handlers())

    async def are_no_more() -> bool:
        return all(each in others for each in handlers())

    yield are_no_more
    gc.enable()


@pytest.mark.parametrize(
    ("asked", "has_token", "status"),
    [
        ("GET /api/notifications/", True, 200),
        ("GET /api/notifications/", False, 401),
        ("GET /api/notifications/?page=none", True, 400),
        ("GET /api/campaigns/", True, 403),
        ("GET /nowhere/", True, 404),
        (f"DELETE /api/notifications/{AN_ID}/delete/", True, 404),
        ("PATCH /api/notifications/", True, 405),
    ],
)
async def test_a_request_is_freed_by_its_last_reference(
    wire: Wire, person: Person, is_freed: Freed, asked: str, has_token: bool, status: int
) -> None:
    """One that needs the collector, and is put aside while under way, stays for hours."""
    given = person.token if has_token else "none"
    await wire.send(f"{asked} HTTP/1.1", f"Authorization: Bearer {given}")
    assert (await wire.answer()).status == status
    await eventually(is_freed)


async def test_so_is_a_socket_with_a_bad_message(
    base_url: str, person: Person, is_freed: Freed
) -> None:
    socket = await FrameSocket.open(base_url, person.token)
    socket.say(type="sync", since="nothing")
    assert (await socket.next()).body["type"] == "error"
    socket.drop()
    await eventually(is_freed)
