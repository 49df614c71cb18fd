"""Where a link fails, or cannot be had, the bus or the store does what was asked."""

from __future__ import annotations

import asyncio
import struct
from typing import Any, cast
from uuid import UUID

import pytest

from actors import inbox
from actors.messages import Marked
from actors.questions import Answer, Kind, Outcome, Question, read_answers
from server.links import FRAME_BYTES
from storage.bus_streams import NONE
from storage.positions import PositionClock, to_ms
from tests.server.machine import Machine, linked
from tests.storage.samples import MINUTE
from tests.support.bus import BusProcess, until
from tests.support.visitors import Visitor, storeless

NOBODY = UUID(int=0)


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

    def answer_behind(self, _number: int, questions: Any, _give: Any) -> None:
        self.asked += questions

    def stop_waiting(self) -> None:
        """Nothing waits."""


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
    assert not here.links.ask("there#1", Question(7, NOBODY, 0, 1, b""), behind=NONE)
    assert [line["reason"] for line in logged if line["event"] == "no_links"] == [
        "[Errno 1] others may enter it"
    ]


def asked(user_id: UUID = NOBODY, *, behind: int = NONE) -> bytes:
    """Return the frame of a question how many are unread."""
    until_ms = to_ms(PositionClock().store_now() + MINUTE)
    question = Question(7, user_id, until_ms, Kind.UNREAD, b"")
    payload = struct.pack(">q", behind) + question.packed()
    return struct.pack(">I", len(payload)) + payload


async def answered(reader: asyncio.StreamReader) -> Answer:
    """Return the next answer that comes by a link."""
    (length,) = struct.unpack(">I", await reader.readexactly(4))
    (answer,) = read_answers(await reader.readexactly(length))
    return answer


async def connect(process: BusProcess) -> Any:
    """Open a link to a process by hand."""
    places = process.links._places
    assert places is not None
    return await asyncio.open_unix_connection(str(places.of(str(process.lease))))


@pytest.mark.parametrize(
    "said",
    [
        struct.pack(">I", FRAME_BYTES + 1),
        struct.pack(">I", 3) + b"abc",
        struct.pack(">IIq", 15, 1, NONE) + b"abc",
    ],
    ids=["too long", "too short", "no question"],
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
    for byte in asked():
        writer.write(bytes([byte]))
        await asyncio.sleep(0)
    assert await answered(reader) == Answer(7, Outcome.UNDONE)
    writer.close()


async def waiting(machine: Machine) -> tuple[BusProcess, Any, Any]:
    """Return a process that is asked behind an entry it has not read, and the link's two ends."""
    there = await machine.start("there")
    visitor = await Visitor.come(there)
    reader, writer = await connect(there)
    writer.write(asked(visitor.user_id, behind=1_000))
    await until(lambda: there.peers.stream._waiting)
    return there, reader, writer


async def test_what_waits_for_an_entry_is_answered_when_its_process_stops(
    machine: Machine,
) -> None:
    there, reader, writer = await waiting(machine)
    there.links.close()
    assert await answered(reader) == Answer(7, Outcome.UNREAD)
    writer.close()


async def test_who_may_lack_something_by_then_answers_nothing(machine: Machine) -> None:
    there, reader, writer = await waiting(machine)
    there.peers.is_looking = True
    there.peers.stream.take(1_000)
    there.peers.stream.hand_on()
    assert await answered(reader) == Answer(7, Outcome.UNDONE)
    writer.close()


async def test_who_does_not_read_the_answers_is_cut(machine: Machine) -> None:
    there = await machine.start("there")
    _, writer = await connect(there)
    writer.transport.pause_reading()
    frames = asked() * 1_000

    async def asked_for_ever() -> None:
        while True:
            writer.write(frames)
            await writer.drain()

    with pytest.raises(ConnectionError):
        await asked_for_ever()
    await until(lambda: not there.links._answering_to)
