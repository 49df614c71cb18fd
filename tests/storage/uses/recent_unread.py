"""Uses of what was not read of late."""

from __future__ import annotations

from storage.recent_unread import RecentUnread
from tests.storage.filled.asked import READER
from tests.storage.samples import NOON
from tests.storage.uses.use import Use, counted

USES = [
    Use(
        RecentUnread.of,
        lambda stores: counted(stores.recent_unread.of(READER, since=NOON)),
        ("unread",),
    ),
]
