from __future__ import annotations

from uuid import UUID

from actors.peers import Peers
from actors.whereabouts import (
    KNOWN_FOR_S,
    NOWHERE_FOR_S,
    REMEMBERED,
    SILENT_FOR_S,
    KnownWhereabouts,
)
from storage.positions import EPOCH

SOMEBODY = UUID(int=7)
NOBODY_ELSE = Peers(EPOCH)


class Timer:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_whereabouts_are_known_for_a_while_and_absence_for_a_shorter_one() -> None:
    timer = Timer()
    known = KnownWhereabouts(NOBODY_ELSE, timer=timer)
    assert known.find(SOMEBODY) is None
    for process, kept_for_s in (("left#1", KNOWN_FOR_S), (None, NOWHERE_FOR_S)):
        known.keep(SOMEBODY, process)
        timer.now_s += kept_for_s - 0.1
        found = known.find(SOMEBODY)
        assert found is not None
        assert found.process == process
        timer.now_s += 0.1
        assert known.find(SOMEBODY) is None


def test_who_was_not_found_where_they_were_known_to_be_is_looked_for() -> None:
    known = KnownWhereabouts(NOBODY_ELSE)
    known.keep(SOMEBODY, "left#1")
    known.forget(SOMEBODY)
    known.forget(SOMEBODY)
    assert known.find(SOMEBODY) is None


def test_those_whose_whereabouts_were_learned_first_are_forgotten_first() -> None:
    known = KnownWhereabouts(NOBODY_ELSE)
    known.keep(UUID(int=0), "left#1")
    known.keep(UUID(int=1), "left#1")
    known.keep(UUID(int=0), "right#1")
    for number in range(2, REMEMBERED + 1):
        known.keep(UUID(int=number), "left#1")
    assert known.find(UUID(int=0)) is not None
    assert known.find(UUID(int=1)) is None


def test_a_process_that_was_given_up_is_asked_again_after_a_while() -> None:
    timer = Timer()
    known = KnownWhereabouts(NOBODY_ELSE, timer=timer)
    known.give_up("left#1")
    timer.now_s += SILENT_FOR_S / 2
    known.give_up("right#1")
    timer.now_s += SILENT_FOR_S / 2
    assert [known.is_silent(each) for each in ("left#1", "right#1", "middle#1")] == [
        False,
        True,
        False,
    ]
    known.give_up("middle#1")
    assert not known.is_silent("left#1")


def test_a_process_is_there_that_is_on_the_bus_and_was_not_given_up() -> None:
    timer, peers = Timer(), Peers(EPOCH)
    peers.know({"left#1", "right#1"}, asked_at_s=0.0)
    known = KnownWhereabouts(peers, timer=timer)
    known.give_up("right#1")
    asked = ("left#1", "right#1", "middle#1")
    assert [known.is_there(each) for each in asked] == [True, False, False]
