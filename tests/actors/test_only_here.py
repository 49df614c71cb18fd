"""Of whom no other process need be told, and for how long that can be relied on."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import pytest

from actors.only_here import RELIED_ON_FOR_S, TRUE_FOR_S, OnlyHere
from actors.stream_progress import StreamProgress
from storage.registrations import Registered

ANNA, BOB = UUID(int=1), UUID(int=2)


def found(*user_ids: UUID, others: Sequence[str] = ()) -> dict[UUID, Registered]:
    """Return what Redis says of users who are with no other process, or with `others`."""
    return {user_id: Registered(False, others) for user_id in user_ids}


class Hour:
    """A clock that is set by hand, and one who is only here by it."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.stream = StreamProgress()
        self.only_here = OnlyHere(self.stream, timer=lambda: self.now_s)
        self.stay_in_touch()
        self.only_here.start()

    def stay_in_touch(self) -> None:
        """Show this process to others, and read what they tell it."""
        self.stream.read_at_s = self.now_s
        self.only_here.show(self.now_s)

    def register(self, *user_ids: UUID) -> None:
        self.only_here.begin()
        self.only_here.settle(found(*user_ids))


@pytest.fixture
def hour() -> Hour:
    return Hour()


def test_all_have_to_be_only_here(hour: Hour) -> None:
    hour.register(ANNA)
    assert hour.only_here.has_all([ANNA])
    assert not hour.only_here.has_all([ANNA, BOB])
    hour.register(BOB)
    assert hour.only_here.has_all([ANNA, BOB])


def test_nobody_is_once_they_have_come_elsewhere_or_left(hour: Hour) -> None:
    hour.register(ANNA, BOB)
    hour.only_here.arrive([ANNA])
    hour.only_here.forget([BOB])
    assert not hour.only_here.has_all([ANNA])
    assert not hour.only_here.has_all([BOB])


def test_nobody_is_whom_redis_finds_elsewhere(hour: Hour) -> None:
    hour.register(ANNA, BOB)
    hour.only_here.begin()
    hour.only_here.settle(found(ANNA, others=["there#1"]) | found(BOB))
    assert not hour.only_here.has_all([ANNA])
    assert hour.only_here.has_all([BOB])


def test_that_it_was_relied_on_is_remembered_whatever_is_forgotten(hour: Hour) -> None:
    hour.register(ANNA)
    assert not hour.only_here.has_all([ANNA, BOB])
    assert not hour.only_here.take_relied_on()
    assert hour.only_here.has_all([ANNA])
    hour.only_here.forget([ANNA])
    hour.only_here.end()
    assert hour.only_here.take_relied_on()
    assert not hour.only_here.take_relied_on()


def test_who_left_unnoticed_is_forgotten_in_time(hour: Hour) -> None:
    hour.register(ANNA)
    hour.now_s += 1
    hour.register(BOB)
    hour.now_s += TRUE_FOR_S - 1
    hour.only_here.forget_former()
    assert list(hour.only_here._until_s) == [BOB]


def test_who_comes_elsewhere_while_they_are_registered_is_not_taken_to_be_only_here(
    hour: Hour,
) -> None:
    hour.only_here.begin()
    hour.only_here.arrive([ANNA])
    hour.only_here.settle(found(ANNA, BOB))
    assert not hour.only_here.has_all([ANNA])
    assert hour.only_here.has_all([BOB])
    hour.register(ANNA)
    assert hour.only_here.has_all([ANNA])


@pytest.mark.parametrize("is_ended", [True, False])
def test_what_is_found_across_a_break_is_not_believed(hour: Hour, is_ended: bool) -> None:
    hour.register(ANNA)
    hour.only_here.begin()
    if is_ended:
        hour.only_here.end()
    hour.only_here.forget_all()
    hour.only_here.settle(found(BOB))
    assert not hour.only_here.has_all([ANNA])
    assert not hour.only_here.has_all([BOB])
    hour.register(ANNA)
    assert hour.only_here.has_all([ANNA]) is not is_ended


def test_what_was_known_before_a_time_out_of_sight_is_forgotten(hour: Hour) -> None:
    hour.register(ANNA)
    hour.now_s += RELIED_ON_FOR_S
    hour.stay_in_touch()
    assert not hour.only_here.has_all([ANNA])
    hour.register(ANNA)
    assert hour.only_here.has_all([ANNA])


@pytest.mark.parametrize("out_of_touch", ["unseen", "unread"])
def test_it_cannot_be_relied_on_when_others_cannot_say_who_has_come(
    hour: Hour, out_of_touch: str
) -> None:
    hour.register(ANNA)
    hour.now_s += RELIED_ON_FOR_S / 2
    assert hour.only_here.has_all([ANNA])
    if out_of_touch == "unseen":
        hour.stream.read_at_s = hour.now_s
    else:
        hour.only_here.show(hour.now_s)
    hour.now_s += RELIED_ON_FOR_S / 2
    assert not hour.only_here.has_all([ANNA])


def test_who_was_not_registered_again_is_not_relied_on_to_be_registered_yet(hour: Hour) -> None:
    hour.register(ANNA)
    seconds = 0
    while hour.only_here.has_all([ANNA]):
        seconds += 1
        hour.now_s += 1
        hour.stay_in_touch()
    assert seconds == TRUE_FOR_S
    assert not hour.only_here.has_all([ANNA])
