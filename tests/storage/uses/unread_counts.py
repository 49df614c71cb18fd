"""Uses of what is unread in the inboxes of many."""

from __future__ import annotations

from storage.unread_counts import UnreadCounts
from tests.storage.filled.asked import MARKER, READER
from tests.storage.samples import NOON, SECOND
from tests.storage.uses.use import Use

USES = [
    Use(
        UnreadCounts.of,
        lambda stores: stores.unread_counts.of([MARKER, READER], recent_since=NOON + 9 * SECOND),
        ("unread",),
    ),
]
