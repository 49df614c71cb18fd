"""What of deliveries is counted as what (contract section 2.6).

A delivery is one channel of one notification, and stands at one status; each status counts as
below, beside `created`, which counts all. What is still on its way counts as nothing else yet.
"""

from __future__ import annotations

from dataclasses import dataclass

from rules.deliveries import DeliveryStatus

SENT = frozenset(
    {
        DeliveryStatus.SENT,
        DeliveryStatus.DELIVERED,
        DeliveryStatus.BOUNCED,
        DeliveryStatus.COMPLAINED,
    }
)
"""The provider took it, whatever it told of it later; the app itself for what is shown there."""

DELIVERED = frozenset({DeliveryStatus.DELIVERED, DeliveryStatus.COMPLAINED})
"""It arrived, as far as the provider says so: who complains has got it."""

FAILED = frozenset({DeliveryStatus.BOUNCED, DeliveryStatus.FAILED, DeliveryStatus.DEAD})
"""It was meant to arrive and did not."""

SUPPRESSED = frozenset({DeliveryStatus.SUPPRESSED})
"""It was not to be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryCounts:
    """How many deliveries there are, and how many count as what."""

    created: int = 0
    sent: int = 0
    delivered: int = 0
    failed: int = 0
    suppressed: int = 0

    @classmethod
    def of(cls, status: DeliveryStatus, count: int = 1) -> DeliveryCounts:
        """Return the counts of `count` deliveries that stand at `status`."""
        return cls(
            created=count,
            sent=count * (status in SENT),
            delivered=count * (status in DELIVERED),
            failed=count * (status in FAILED),
            suppressed=count * (status in SUPPRESSED),
        )

    def __add__(self, other: DeliveryCounts) -> DeliveryCounts:
        """Return the counts of both together."""
        return DeliveryCounts(
            created=self.created + other.created,
            sent=self.sent + other.sent,
            delivered=self.delivered + other.delivered,
            failed=self.failed + other.failed,
            suppressed=self.suppressed + other.suppressed,
        )
