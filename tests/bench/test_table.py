"""The table has every row that a goal is about, and keeps what each round brought."""

from __future__ import annotations

import os
from itertools import chain

import pytest

from bench.goals import GOALS, ROWS, WATCHED, Goal
from bench.sheet import Sheet
from bench.table_parts import PARTS


def test_every_row_belongs_to_one_part() -> None:
    names = list(chain.from_iterable(part.names for part in PARTS))
    assert sorted(names) == sorted(ROWS)


def test_goals_are_about_rows_that_there_are() -> None:
    assert {goal.row for goal in GOALS} | {row for _, row, _ in WATCHED} <= ROWS.keys()


@pytest.mark.parametrize(
    ("bounds", "measured", "is_met"),
    [
        ({"at_most": 100.0}, 100.0, True),
        ({"at_most": 100.0}, 100.1, False),
        ({"at_least": 100.0}, 100.0, True),
        ({"at_least": 100.0}, 99.9, False),
    ],
)
def test_a_goal_is_met_at_its_bound(
    bounds: dict[str, float], measured: float, is_met: bool
) -> None:
    assert Goal(label="", row="list", figure="p99_ms", **bounds).is_met(measured) is is_met


def test_a_row_is_measured_as_often_as_said_and_only_when_wanted() -> None:
    sheet = Sheet(["list"], rounds=3)
    for name in ("list", "follow"):
        sheet.fill(name, lambda number: {"per_s": 10.0**number}, profiled_pid=os.getpid())
    assert sheet.medians() == {"list": {"per_s": 10.0}}


@pytest.mark.parametrize("name", ["failed", "lost", "repeated", "connections_lost"])
def test_one_round_that_lost_something_is_enough(name: str) -> None:
    sheet = Sheet(["list"], rounds=3)
    sheet.fill("list", lambda number: {name: int(number == 1)}, profiled_pid=os.getpid())
    assert sheet.faults == 1
    assert sheet.medians()["list"][name] == 0
