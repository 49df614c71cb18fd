from __future__ import annotations

from datetime import UTC, datetime

from rules.heartbeats import EXPIRES_AFTER_S
from rules.lease import Lease
from storage.processes import ProcessRow
from tasks.liveness import Liveness

OURS, THEIRS = Lease("ours", 1), Lease("theirs", 4)


def row(lease: Lease, beat: int) -> ProcessRow:
    began = datetime(2026, 11, 26, tzinfo=UTC)
    return ProcessRow(
        lease=lease, kind="worker", beat=beat, host="h", pid=1, started_at=began, beaten_at=began
    )


class Watched:
    def __init__(self) -> None:
        self.now_s = 0.0
        self.liveness = Liveness(clock=lambda: self.now_s)


def test_before_the_first_look_nobody_is_gone() -> None:
    assert not Watched().liveness.is_gone(THEIRS)


def test_who_is_not_on_the_list_or_began_anew_is_gone() -> None:
    liveness = Watched().liveness
    liveness.observe([row(OURS, 1), row(Lease("theirs", 5), 1)])
    assert liveness.is_gone(THEIRS)
    assert liveness.is_gone(Lease("nobody", 1))
    assert not liveness.is_gone(OURS)


def test_who_is_silent_for_long_is_gone_until_heard_again() -> None:
    watched = Watched()
    watched.liveness.observe([row(THEIRS, 1)])
    watched.now_s = EXPIRES_AFTER_S
    watched.liveness.observe([row(THEIRS, 1)])
    assert watched.liveness.is_gone(THEIRS)
    watched.liveness.observe([row(THEIRS, 2)])
    assert not watched.liveness.is_gone(THEIRS)


def test_silence_while_the_store_was_away_proves_nothing() -> None:
    watched = Watched()
    watched.liveness.observe([row(THEIRS, 1)])
    watched.liveness.lose_sight()
    assert not watched.liveness.is_gone(Lease("nobody", 1))
    watched.now_s = EXPIRES_AFTER_S
    watched.liveness.observe([row(THEIRS, 1)])
    assert not watched.liveness.is_gone(THEIRS)
