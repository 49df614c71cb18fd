"""Show pages of inboxes; those that are asked for again while nothing has changed, from memory.

Whose inbox it is has an actor while connected, and whatever changes the inbox goes through it or is
told to it. So a page that was read is kept with the state that the actor knew before the
store was asked and still knew after it, and is the same for as long as the actor knows no other.

Somebody who is not connected has no such actor, and what others do while the bus is away is not
told: their pages are read each time. Where the actor is at another process, a page is kept that is
asked for again: to ask the actor costs little less there than to read what few look at twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from cachetools import TTLCache
from orjson import Fragment

from actors.inbox import Inbox
from actors.messages import InboxState
from server.listed_notifications import ListedNotifications
from storage.names import NameResolver
from storage.notifications import InboxFilter

KEPT_FOR_S = 30.0
"""What changes and is not told shows after that: rows that get too old to be listed, and what is
done by a process that cannot reach Redis."""

KEPT_BYTES = 64 * 1024 * 1024
"""Of all: some 3,000 pages of 20 that have nothing in common. The longest unused go first."""

PAGE_BYTES = 1_000
"""What an entry takes besides the records of its page, which it may have none of."""

Asked: TypeAlias = tuple[bytes, InboxFilter, int, int]


@dataclass(frozen=True, slots=True)
class ShownPage:
    """A page of an inbox, newest first, and how much there is besides."""

    count: int
    """Of what was asked for, on all pages."""

    unread_count: int
    """Of the whole inbox."""

    notifications: Fragment
    """A JSON array."""


@dataclass(frozen=True, slots=True)
class _Kept:
    state: InboxState
    count: int
    listed: ListedNotifications


class KeptPages:
    """Reads and shows pages of inboxes."""

    def __init__(
        self, inbox: Inbox, names: NameResolver, *, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._inbox = inbox
        self._names = names
        self._kept: TTLCache[Asked, _Kept | None] = TTLCache(
            KEPT_BYTES, KEPT_FOR_S, timer, _size_bytes
        )
        """None for a page of somebody elsewhere that was read, and not kept."""

    async def show(
        self, user_id: UUID, wanted: InboxFilter, *, page: int, page_size: int
    ) -> ShownPage:
        """Return page `page` (from 1) of what is wanted; raises StoreUnavailable."""
        asked = (user_id.bytes, wanted, page, page_size)
        may_be_kept = asked in self._kept or self._inbox.is_here(user_id)
        state = await self._inbox.state(user_id) if may_be_kept else None
        kept = self._kept.get(asked)
        if kept is not None and kept.state == state:
            return ShownPage(
                kept.count, kept.state.unread_count, await kept.listed.named(self._names)
            )
        read = await self._inbox.page(user_id, wanted, page=page, page_size=page_size)
        listed = ListedNotifications(read.rows)
        if state is None:
            # What was kept before is not to come back after it.
            self._kept[asked] = None
        elif await self._inbox.state(user_id) == state:
            self._kept[asked] = _Kept(state, read.count, listed)
        return ShownPage(read.count, read.unread_count, await listed.named(self._names))


def _size_bytes(kept: _Kept | None) -> int:
    return PAGE_BYTES + (0 if kept is None else kept.listed.size_bytes)
