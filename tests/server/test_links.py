"""Processes of one machine ask each other by Unix sockets, and by the bus where that fails."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from redis.asyncio import Redis

from actors import inbox
from actors.messages import Marked
from actors.questions import Answer, Outcome, Question
from rules.lease import Lease
from server import links
from server.kept_pages import KeptPages
from server.links import FRAME_BYTES, MachineLinks, _remove
from server.service import Service
from storage.notifications import InboxFilter
from tests.support.bus import PATIENT, BusProcess, until
from tests.support.visitors import Visitor, storeless

ALL = InboxFilter()
NOBODY = UUID(int=0)


class Machine:
    """Processes that find one another in a directory."""

    def __init__(
        self, service: Service, redis_url: str, directory: Path, stack: AsyncExitStack
    ) -> None:
        self.directory = directory
        self._stores = service.stores
        self._redis_url = redis_url
        self._stack = stack

    async def start(self, name: str, *, service: str = "tests", incarnation: int = 1) -> BusProcess:
        lease = Lease(name, incarnation)
        own = MachineLinks(self.directory, service)
        process = BusProcess(self._stores, self._redis_url, lease, own, **PATIENT)
        self._stack.push_async_callback(process.stop)
        await process.start()
        return process

    async def carried(self, *processes: BusProcess) -> int:
        """Return how much has gone to the processes by the bus."""
        async with Redis.from_url(self._redis_url) as redis:
            streams = [await redis.xinfo_stream(process.stream) for process in processes]
        return sum(stream["entries-added"] for stream in streams)


@pytest.fixture
async def machine(
    service: Service, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Machine]:
    # As long as a busy machine takes.
    monkeypatch.setattr(inbox, "STATE_WITHIN_S", 60.0)
    monkeypatch.setattr(links, "OPEN_WITHIN_S", 60.0)
    # Longer than the address of a socket may be.
    directory = tmp_path / ("links-" * 20)
    async with AsyncExitStack() as stack:
        yield Machine(service, redis_url, directory, stack)


async def linked(here: BusProcess, there: BusProcess) -> Visitor:
    """Have somebody connected to `there`, whom `here` has asked about, and wait for the link."""
    visitor = await Visitor.come(there)
    assert await storeless(here).unread_count(visitor.user_id) == 5
    await until(lambda: here.links._links.get(str(there.lease)))
    return visitor


async def test_what_is_asked_goes_by_the_link_and_nothing_of_it_by_the_bus(
    machine: Machine,
) -> None:
    here, there = await machine.start("here"), await machine.start("there")
    visitor = await linked(here, there)
    asking, user_id, ids = storeless(here), visitor.user_id, visitor.ids
    before = await machine.carried(here, there)
    assert await asking.unread_count(user_id) == 5
    assert await asking.mark_read(user_id, (ids[0], ids[1])) == Marked(2, 3)
    assert await asking.click(user_id, ids[2], "view") == Marked(1, 2)
    assert await asking.delete(user_id, ids[3]) is True
    assert await asking.mark_all_read(user_id) == Marked(1, 0)
    # Of somebody new, too, once it is known where they are.
    stranger = await Visitor.come(there, count=2)
    assert await storeless(here).unread_count(stranger.user_id) == 2
    assert await machine.carried(here, there) == before
    assert visitor.told == [
        "notifications.bulk_read",
        "notification.read",
        "notification.deleted",
        "notifications.bulk_read",
    ]


async def test_many_are_asked_at_once_and_each_answer_is_that_of_its_question(
    machine: Machine,
) -> None:
    here, there = await machine.start("here"), await machine.start("there")
    await linked(here, there)
    visitors = [await Visitor.come(there, count=count) for count in range(1, 9)]
    asking = storeless(here)
    for _ in range(2):
        counts = await asyncio.gather(
            *(asking.unread_count(each.user_id) for each in visitors * 20)
        )
        assert counts == list(range(1, 9)) * 20


async def test_a_page_of_somebody_elsewhere_that_is_asked_for_again_is_kept(
    machine: Machine,
) -> None:
    here, there = await machine.start("here"), await machine.start("there")
    visitor = await linked(here, there)
    reads = 0
    read = here.inbox.page

    async def counting(*args: Any, **options: Any) -> Any:
        nonlocal reads
        reads += 1
        return await read(*args, **options)

    here.inbox.page = counting  # type: ignore[method-assign]
    pages = KeptPages(here.inbox, here.names)

    async def show() -> tuple[int, int, int]:
        shown = await pages.show(visitor.user_id, ALL, page=1, page_size=20)
        return shown.count, shown.unread_count, reads

    assert [await show() for _ in range(4)] == [(5, 5, 1), (5, 5, 2), (5, 5, 2), (5, 5, 2)]
    await there.publish(visitor.user_id)
    assert [await show() for _ in range(2)] == [(6, 6, 3), (6, 6, 3)]
    await there.inbox.mark_read(visitor.user_id, (visitor.ids[0],))
    assert [await show() for _ in range(2)] == [(6, 5, 4), (6, 5, 4)]


async def test_a_question_does_not_overtake_what_its_process_has_told(machine: Machine) -> None:
    here, there = await machine.start("here"), await machine.start("there")
    visitor = await linked(here, there)
    stranger = await Visitor.come(there)
    await here.publish(visitor.user_id)
    before = await machine.carried(there)
    assert await storeless(here).unread_count(visitor.user_id) == 6
    assert await machine.carried(there) == before + 1
    # Others have been told nothing.
    assert await storeless(here).unread_count(stranger.user_id) == 5
    assert await machine.carried(there) == before + 1


async def test_who_may_lack_something_answers_nothing(machine: Machine) -> None:
    here, there = await machine.start("here"), await machine.start("there")
    visitor = await linked(here, there)
    there.peers.is_caught_up = False
    await here.insert(visitor.user_id)
    # By the store, which knows of it.
    assert await here.inbox.unread_count(visitor.user_id) == 6
    assert await here.inbox.mark_read(visitor.user_id, (visitor.ids[0],)) == Marked(1, 5)
    await until(lambda: "notification.read" in visitor.told)


class Silent:
    """Takes questions and answers none."""

    def __init__(self) -> None:
        self.asked: list[Question] = []

    def answer(self, questions: Any, _give: Any) -> None:
        self.asked += questions


async def test_a_state_that_takes_long_is_done_without_and_silences_nobody(
    machine: Machine, logged: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = await machine.start("here"), await machine.start("there")
    visitor = await linked(here, there)
    there.links._answering, answering = cast("Any", Silent()), there.links._answering
    with monkeypatch.context() as patch:
        patch.setattr(inbox, "STATE_WITHIN_S", 0.1)
        assert await here.inbox.state(visitor.user_id) is None
    there.links._answering = answering
    assert await here.inbox.state(visitor.user_id) is not None
    assert "not_answered" not in [line["event"] for line in logged]


async def test_what_a_lost_link_leaves_unanswered_is_done_by_the_store_at_once(
    machine: Machine,
) -> None:
    here, there = await machine.start("here"), await machine.start("there")
    visitor = await linked(here, there)

    silent: Any = Silent()
    there.links._answering = silent
    marking = asyncio.ensure_future(here.inbox.mark_read(visitor.user_id, (visitor.ids[0],)))
    await until(lambda: silent.asked)
    for link in list(there.links._answering_to):
        link.cut()
    assert await marking == Marked(1, 4)
    await until(lambda: visitor.told == ["notification.read"])
    # Whoever has lost a link has gone, as a rule, and is not waited for.
    before = await machine.carried(there)
    assert await here.inbox.unread_count(visitor.user_id) == 4
    assert await machine.carried(there) == before


async def test_the_next_incarnation_is_found_where_the_one_before_was(machine: Machine) -> None:
    here, there = await machine.start("here"), await machine.start("there")
    visitor = await linked(here, there)
    await visitor.leave()
    await there.stop()
    again = await machine.start("there", incarnation=2)
    await linked(here, again)
    assert len(list(machine.directory.iterdir())) == 2
    # One that goes only now leaves the place to whoever has it.
    _remove(again.links._place("there#2"), inode=1)
    assert len(list(machine.directory.iterdir())) == 2
    await again.stop()
    assert len(list(machine.directory.iterdir())) == 1


async def test_services_side_by_side_do_not_meet(machine: Machine) -> None:
    here, there = await machine.start("here"), await machine.start("there", service="another")
    visitor = await Visitor.come(there)
    for _ in range(2):
        assert await storeless(here).unread_count(visitor.user_id) == 5
        await until(lambda: not here.links._opening)
    assert here.links._links.get(str(there.lease)) is None


async def test_where_there_can_be_no_socket_the_bus_is_enough(
    machine: Machine, logged: list[Any]
) -> None:
    machine.directory.write_text("no directory")
    here, there = await machine.start("here"), await machine.start("there")
    visitor = await Visitor.come(there)
    assert await storeless(here).mark_all_read(visitor.user_id) == Marked(5, 0)
    assert [line["event"] for line in logged].count("no_links") == 2


@pytest.mark.parametrize("mode", [0o750, 0o705], ids=oct)
async def test_a_directory_that_others_may_enter_is_not_used(
    mode: int, machine: Machine, logged: list[Any]
) -> None:
    machine.directory.mkdir()
    machine.directory.chmod(mode)
    here = await machine.start("here")
    assert list(machine.directory.iterdir()) == []
    assert not here.links.ask("there#1", Question(7, NOBODY, 0, 1, b""))
    assert [line["reason"] for line in logged if line["event"] == "no_links"] == [
        "[Errno 1] others may enter it"
    ]


async def connect(process: BusProcess) -> Any:
    """Open a link to a process by hand."""
    return await asyncio.open_unix_connection(str(process.links._place(str(process.lease))))


@pytest.mark.parametrize(
    "said",
    [struct.pack(">I", FRAME_BYTES + 1), struct.pack(">I", 3) + b"abc"],
    ids=["too long", "no question"],
)
async def test_who_says_what_is_no_question_is_cut(
    said: bytes, machine: Machine, logged: list[Any]
) -> None:
    there = await machine.start("there")
    reader, writer = await connect(there)
    writer.write(said)
    assert await reader.read() == b""
    assert "link_not_understood" in [line["event"] for line in logged]
    writer.close()
    await until(lambda: not there.links._answering_to)


async def test_a_question_may_come_in_parts(machine: Machine) -> None:
    there = await machine.start("there")
    reader, writer = await connect(there)
    question = Question(7, NOBODY, 0, 1, b"").packed()
    for byte in struct.pack(">I", len(question)) + question:
        writer.write(bytes([byte]))
        await asyncio.sleep(0)
    undone = Answer(7, Outcome.UNDONE).packed()
    assert await reader.readexactly(4 + len(undone)) == struct.pack(">I", len(undone)) + undone
    writer.close()


async def test_who_does_not_read_the_answers_is_cut(machine: Machine) -> None:
    there = await machine.start("there")
    _, writer = await connect(there)
    writer.transport.pause_reading()
    question = Question(7, NOBODY, 0, 1, b"").packed()
    frames = (struct.pack(">I", len(question)) + question) * 1_000

    async def asked_for_ever() -> None:
        while True:
            writer.write(frames)
            await writer.drain()

    with pytest.raises(ConnectionError):
        await asked_for_ever()
    await until(lambda: not there.links._answering_to)
