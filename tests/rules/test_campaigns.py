from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from rules.campaigns import POSSIBLE, CampaignAction, CampaignStatus, status_after

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TABLE = {
    ("draft", "start"): "running",
    ("draft", "cancel"): "cancelled",
    ("scheduled", "pause"): "paused",
    ("scheduled", "cancel"): "cancelled",
    ("running", "pause"): "paused",
    ("running", "cancel"): "cancelled",
    ("paused", "resume"): "running",
    ("paused", "cancel"): "cancelled",
}


@pytest.mark.parametrize(("status", "action"), list(product(CampaignStatus, CampaignAction)))
def test_the_table_of_actions(status: CampaignStatus, action: CampaignAction) -> None:
    leads_to = TABLE.get((status.value, action.value))
    for send_at in (None, NOON, NOON - SECOND):
        assert status_after(action, status, send_at=send_at, now=NOON) == leads_to
    ahead = status_after(action, status, send_at=NOON + SECOND, now=NOON)
    assert ahead == ("scheduled" if leads_to == "running" else leads_to)
    assert (status in POSSIBLE[action]) is (leads_to is not None)
