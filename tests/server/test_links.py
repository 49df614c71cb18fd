"""Processes of one machine ask each other by Unix sockets."""

from __future__ import annotations

import asyncio
import errno
import socket
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from actors import answering
from actors.bus_writer import ConfessLoss
from actors.messages import Marked
from server import link_places
from server.kept_pages import KeptPages
from server.link_places import LinkPlaces
from server.links import FORMAT
from storage.notifications import InboxFilter
from tests.server.machine import Machine, linked
from tests.storage.samples import MINUTE
from tests.support.bus import BusProcess, held_up, until
from tests.support.visitors import Visitor, storeless

ALL = InboxFilter()


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


async def test_a_question_does_not_overtake_what_its_process_has_told(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = await machine.start("here"), await machine.start("there")
    visitor = await linked(here, there)
    monkeypatch.setattr(answering, "READ_WITHIN_S", 60.0)
    # The read that is under way is not held up, and the one after it is.
    may_read = held_up(monkeypatch, there.streams, "read")
    await here.publish(visitor.user_id)
    await until(lambda: len(visitor.told) == 1)
    await here.publish(visitor.user_id)
    before = await machine.carried(there)
    asking = asyncio.ensure_future(storeless(here).unread_count(visitor.user_id))
    await until(lambda: there.peers.stream._waiting)
    assert not asking.done()
    may_read.set()
    assert await asking == 7
    assert await machine.carried(there) == before


async def test_what_is_still_to_be_told_only_the_store_can_say(machine: Machine) -> None:
    here, there = await machine.start("here"), await machine.start("there")
    visitor = await linked(here, there)
    stranger = await Visitor.come(there)
    await here.insert(visitor.user_id)
    here.peers.told.begin([visitor.user_id])
    assert await here.inbox.unread_count(visitor.user_id) == 6
    # Others are asked about.
    assert await storeless(here).unread_count(stranger.user_id) == 5
    here.peers.told.end([visitor.user_id])
    assert await storeless(here).unread_count(visitor.user_id) == 5


async def test_nobody_is_asked_while_they_are_told_that_they_may_lack_something(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = await machine.start("here"), await machine.start("there")
    visitor = await linked(here, there)
    await here.insert(visitor.user_id)
    assert await here.inbox.unread_count(visitor.user_id) == 5
    may_tell = held_up(monkeypatch, here.streams, "add")
    here.peers.lose(here.clock.store_now() - MINUTE)
    here.tell("bus.writer", ConfessLoss())
    await until(lambda: here.peers.is_confessing)
    assert await here.inbox.unread_count(visitor.user_id) == 6
    may_tell.set()
    await until(lambda: len(visitor.told) == 1)
    assert await storeless(here).unread_count(visitor.user_id) == 6


async def test_what_was_told_and_is_not_found_is_followed_by_the_bus_once(
    machine: Machine,
) -> None:
    here, there = await machine.start("here"), await machine.start("there")
    visitor = await linked(here, there)
    # As after the stream of `there` has been lost, and begun anew.
    here.peers.told.wrote(str(there.lease), 1_000)
    assert await here.inbox.unread_count(visitor.user_id) == 5
    before = await machine.carried(there)
    for _ in range(2):
        assert await storeless(here).unread_count(visitor.user_id) == 5
        assert await machine.carried(there) == before + 1


async def test_the_next_incarnation_has_a_place_of_its_own_and_clears_up_the_one_before(
    machine: Machine,
) -> None:
    here, there = await machine.start("here"), await machine.start("there")
    visitor = await linked(here, there)
    await visitor.leave()
    left = place_of(str(there.lease), here)
    await there.stop()
    assert len(list(machine.directory.iterdir())) == 1
    leave_behind(left)
    again = await machine.start("there", incarnation=2)
    await linked(here, again)
    assert len(list(machine.directory.iterdir())) == 2
    assert not left.exists()


async def test_services_side_by_side_do_not_meet(machine: Machine) -> None:
    here, there = await machine.start("here"), await machine.start("there", service="another")
    visitor = await Visitor.come(there)
    for _ in range(2):
        assert await storeless(here).unread_count(visitor.user_id) == 5
        await until(lambda: not here.links._opening)
    assert here.links._links.get(str(there.lease)) is None


def place_of(process: str, seen_by: BusProcess) -> Path:
    """Return where a process listens."""
    places = seen_by.links._places
    assert places is not None
    return places.of(process)


def leave_behind(place: Path) -> None:
    """Leave what one that is killed leaves."""
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(place))
        killed.listen()


async def test_a_process_has_died_when_nobody_listens_in_its_place(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = await machine.start("here"), await machine.start("there")
    name = str(there.lease)
    left = place_of(name, here)
    assert not here.elsewhere.has_died(name)
    await there.stop()
    # It has taken its socket with it: it may as well be on another machine.
    assert not here.elsewhere.has_died(name)
    leave_behind(left)
    assert here.elsewhere.has_died(name)
    assert not here.elsewhere.has_died("there#2")
    with monkeypatch.context() as patch:
        patch.setattr(link_places, "_running_system", lambda: "another system")
        elsewhere = LinkPlaces(machine.directory, f"{FORMAT} tests")
    assert not elsewhere.has_died(name)
    elsewhere.close()
    with monkeypatch.context() as patch:
        patch.setattr(socket, "socket", Mock(side_effect=OSError(errno.EMFILE, "too many files")))
        assert not here.elsewhere.has_died(name)
    await here.stop()
    assert not here.elsewhere.has_died(name)
