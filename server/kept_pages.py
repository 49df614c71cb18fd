"""Show pages of inboxes; those that are asked for again while nothing has changed, from memory.

Whose inbox it is has an actor here while connected, and whatever changes the inbox goes through it
or is told to it. So a page that was read is kept with the state that the actor knew before the
store was asked and still knew after it, and is the same for as long as the actor knows no other.

Somebody who is not connected here has no such actor, and what others do while the bus is away is
not told: their pages are read each time.
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
"""What a page takes besides its records, with what it was asked by."""

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
        self._kept: TTLCache[Asked, _Kept] = TTLCache(KEPT_BYTES, KEPT_FOR_S, timer, _size_bytes)

    async def show(
        self, user_id: UUID, wanted: InboxFilter, *, page: int, page_size: int
    ) -> ShownPage:
        """Return page `page` (from 1) of what is wanted; raises StoreUnavailable."""
        asked = (user_id.bytes, wanted, page, page_size)
        state = await self._inbox.state(user_id)
        kept = self._kept.get(asked)
        if kept is not None and kept.state == state:
            return ShownPage(
                kept.count, kept.state.unread_count, await kept.listed.named(self._names)
            )
        read = await self._inbox.page(user_id, wanted, page=page, page_size=page_size)
        listed = ListedNotifications(read.rows)
        if state is not None and await self._inbox.state(user_id) == state:
            self._kept[asked] = _Kept(state, read.count, listed)
        return ShownPage(read.count, read.unread_count, await listed.named(self._names))


def _size_bytes(kept: _Kept) -> int:
    return PAGE_BYTES + kept.listed.size_bytes
