from __future__ import annotations

import pytest

from tasks.permit import Permit, PermitExpired


def test_a_permit_holds_until_its_moment() -> None:
    now_s = 10.0
    permit = Permit(15.0, clock=lambda: now_s)
    permit.check()
    now_s = 15.0
    with pytest.raises(PermitExpired):
        permit.check()
