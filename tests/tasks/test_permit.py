from __future__ import annotations

import threading

import pytest

from tasks.permit import Permit, PermitExpired


def test_a_permit_holds_until_its_moment() -> None:
    now_s = 10.0
    permit = Permit(15.0, clock=lambda: now_s)
    permit.check()
    now_s = 15.0
    with pytest.raises(PermitExpired):
        permit.check()


def test_a_permit_can_be_asked_about_a_later_moment() -> None:
    permit = Permit(15.0, clock=lambda: 10.0)
    permit.check(after_s=4.9)
    with pytest.raises(PermitExpired):
        permit.check(after_s=5.0)


def test_a_permit_is_over_once_it_is_ended() -> None:
    ended = threading.Event()
    permit = Permit(15.0, clock=lambda: 10.0, ended=ended)
    permit.check()
    ended.set()
    with pytest.raises(PermitExpired):
        permit.check()
