from __future__ import annotations

from uuid import uuid4

from actors.told_by_bus import MOST, ToldByBus
from storage.bus_streams import NONE


def test_something_is_under_way_until_all_that_was_begun_has_ended() -> None:
    told = ToldByBus()
    twice, once = uuid4(), uuid4()
    told.begin([twice, once, twice])
    told.end([twice, once])
    assert told.is_under_way(twice)
    assert not told.is_under_way(once)
    told.end([twice])
    assert not told.is_under_way(twice)
    # What ended by itself has done so already for who gave it up.
    told.end([twice])
    told.begin([twice])
    assert told.is_under_way(twice)


def test_what_nobody_is_left_to_write_is_not_under_way() -> None:
    told = ToldByBus()
    user_id = uuid4()
    told.begin([user_id, user_id])
    told.end_all()
    assert not told.is_under_way(user_id)


def test_of_each_process_the_last_entry_is_known_or_in_doubt() -> None:
    told = ToldByBus()
    assert told.last("one#1") == NONE
    told.wrote("one#1", 7)
    told.wrote("two#1", 3)
    told.wrote("one#1", 9)
    assert (told.last("one#1"), told.last("two#1")) == (9, 3)
    told.wrote("one#1", None)
    assert (told.last("one#1"), told.last("two#1")) == (None, 3)
    told.wrote("one#1", 0)
    assert told.last("one#1") == 0


def test_what_was_in_doubt_is_before_the_next_question_in_the_stream() -> None:
    told = ToldByBus()
    told.wrote("one#1", 7)
    told.asked("one#1", 8)
    assert told.last("one#1") == 7
    told.doubt("one#1")
    assert told.last("one#1") is None
    told.asked("one#1", 2)
    assert told.last("one#1") == 2


def test_processes_of_long_ago_are_forgotten() -> None:
    told = ToldByBus()
    told.wrote("first", 5)
    told.wrote("second", 5)
    for number in range(MOST - 2):
        told.wrote(f"later#{number}", 5)
    told.wrote("first", 6)
    told.wrote("last", 5)
    assert (told.last("first"), told.last("second")) == (6, NONE)
