"""Uses of a person's notifications as a whole."""

from __future__ import annotations

from storage.notification_history import NotificationHistory
from tests.storage.filled.asked import DUE_USERS, LATER
from tests.storage.uses.use import Use, counted_in_parts

USES = [
    Use(
        NotificationHistory.of,
        lambda stores: counted_in_parts(stores.history.of(DUE_USERS[3], until=LATER)),
        ("position",),
    ),
]
