"""A lane takes no more in hand than its limit, and nothing twice."""

from __future__ import annotations

from uuid import uuid4

from actors.workload import Workload


def test_what_is_in_hand_is_bounded_and_taken_once() -> None:
    workload = Workload(limit=2)
    first, second, third = uuid4(), uuid4(), uuid4()
    assert workload.take(first)
    assert not workload.take(first)
    assert workload.take(second)
    assert not workload.take(third)
    assert (len(workload), workload.room) == (2, 0)
    workload.let_go([first, third])
    assert first not in workload
    assert workload.take(third)
