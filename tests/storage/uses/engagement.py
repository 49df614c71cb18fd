"""Uses of what recipients do with notifications."""

from __future__ import annotations

from storage.engagement import EngagementRepository
from tests.storage.filled.asked import BAKERY, LATER, MARKER, READER
from tests.storage.samples import NOON
from tests.storage.uses.use import Use

USES = [
    Use(
        EngagementRepository.of,
        lambda stores: stores.engagement.of(BAKERY, [READER, MARKER], since=NOON, until=LATER),
        ("business_recipient",),
    ),
]
