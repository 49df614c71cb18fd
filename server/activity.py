"""Notice that users are here, at the cost of a look into a dictionary for each request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from cachetools import TTLCache

from actors.activity import WasHere
from server.auth import INBOX_OWNERS, Principal
from storage.last_activity import ACTIVE_FOR

REMEMBERED = 50_000
"""Users; of more than are here within an hour some are written more than once."""


class Activity:
    """Tells who is here for the first time within the hour."""

    def __init__(self, now: Callable[[], datetime], tell: Callable[[WasHere], object]) -> None:
        self._now = now
        self._tell = tell
        self._recent: TTLCache[object, None] = TTLCache(REMEMBERED, ttl=ACTIVE_FOR.total_seconds())

    def note(self, principal: Principal) -> None:
        """Take note that somebody does something; services are nobody."""
        if principal.user_id in self._recent or principal.user_type not in INBOX_OWNERS:
            return
        self._recent[principal.user_id] = None
        self._tell(WasHere(principal.user_id, self._now()))
