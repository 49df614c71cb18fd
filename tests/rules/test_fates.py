from __future__ import annotations

import pytest

from rules.deliveries import DeliveryStatus
from rules.fates import Fate
from rules.kinds import Channel


@pytest.mark.parametrize("status", DeliveryStatus)
def test_whatever_the_gates_let_through_went_out(status: DeliveryStatus) -> None:
    fate = Fate(
        kind="promotional",
        statuses={Channel.IN_APP: DeliveryStatus.SUPPRESSED, Channel.EMAIL: status},
    )
    is_out = status is not DeliveryStatus.SUPPRESSED
    assert fate.went_out_by == ((Channel.EMAIL,) if is_out else ())
