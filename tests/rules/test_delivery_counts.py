from __future__ import annotations

from dataclasses import asdict

import pytest

from rules.deliveries import DeliveryStatus
from rules.delivery_counts import DeliveryCounts

COUNTS_AS = {
    DeliveryStatus.QUEUED: set(),
    DeliveryStatus.DEFERRED: set(),
    DeliveryStatus.SENDING: set(),
    DeliveryStatus.SENT: {"sent"},
    DeliveryStatus.DELIVERED: {"sent", "delivered"},
    DeliveryStatus.COMPLAINED: {"sent", "delivered"},
    DeliveryStatus.BOUNCED: {"sent", "failed"},
    DeliveryStatus.FAILED: {"failed"},
    DeliveryStatus.DEAD: {"failed"},
    DeliveryStatus.SUPPRESSED: {"suppressed"},
}


@pytest.mark.parametrize("status", DeliveryStatus)
def test_each_status_counts_as_what_the_table_says(status: DeliveryStatus) -> None:
    counted = asdict(DeliveryCounts.of(status, 3))
    assert counted.pop("created") == 3
    assert {name for name, count in counted.items() if count == 3} == COUNTS_AS[status]
    assert set(counted.values()) <= {0, 3}


def test_counts_add_up() -> None:
    added = DeliveryCounts.of(DeliveryStatus.BOUNCED, 2) + DeliveryCounts.of(DeliveryStatus.SENT)
    assert added == DeliveryCounts(created=3, sent=3, failed=2)
    added += DeliveryCounts.of(DeliveryStatus.DELIVERED) + DeliveryCounts.of(
        DeliveryStatus.SUPPRESSED
    )
    assert added == DeliveryCounts(created=5, sent=4, delivered=1, failed=2, suppressed=1)
