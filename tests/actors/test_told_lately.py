from __future__ import annotations

from uuid import UUID, uuid4

from actors.told_lately import MOST, TOLD_FOR_S, ToldLately


def test_whoever_was_told_is_remembered_for_as_long_as_it_may_take_to_be_read() -> None:
    now_s = 0.0
    told = ToldLately(timer=lambda: now_s)
    early, late = uuid4(), uuid4()
    told.add({early})
    now_s = TOLD_FOR_S - 1
    told.add({late})
    assert early in told
    now_s = 2 * TOLD_FOR_S - 2
    assert late in told
    now_s = 3 * TOLD_FOR_S
    assert early not in told
    assert late not in told


def test_who_was_told_long_ago_is_forgotten_at_once() -> None:
    now_s = 0.0
    told = ToldLately(timer=lambda: now_s)
    early = uuid4()
    told.add({early})
    now_s = 2 * TOLD_FOR_S
    assert early not in told


def test_what_may_concern_anybody_does_for_a_while() -> None:
    now_s = 0.0
    told = ToldLately(timer=lambda: now_s)
    told.add_all()
    now_s = TOLD_FOR_S - 1
    assert uuid4() in told
    now_s = TOLD_FOR_S
    assert uuid4() not in told


def test_of_very_many_it_is_not_kept_who_they_are() -> None:
    now_s = 0.0
    told = ToldLately(timer=lambda: now_s)
    told.add(UUID(int=number) for number in range(MOST + 1))
    assert len(told._lately) == 0
    assert UUID(int=0) in told
    now_s = TOLD_FOR_S
    assert UUID(int=0) not in told
