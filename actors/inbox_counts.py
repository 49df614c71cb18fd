"""Say how much an inbox holds, beside rows of it that were read from the store just now."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from datetime import datetime
from itertools import takewhile

from actors.bus_face import BusFace
from actors.kept_count import KeptCount, ShownCount, UnreadCount
from actors.messages import InboxCounts, InboxState, Listed
from actors.told import Told
from storage.notifications import NotificationRow


def inbox_counts(
    unread: UnreadCount, shown: ShownCount | None, listed: Sequence[Listed], told: Told
) -> InboxCounts | Awaitable[InboxCounts]:
    """Return what `unread` and `shown` say; awaitable where the store has to be asked.

    It is asked for each that is old, or lacks one of `listed`, newest first: so a row is counted
    that is in the store and whose announcement is still on its way.
    """
    kept: list[KeptCount] = [unread] if shown is None else [unread, shown]
    current = [count for count in kept if not count.is_old]
    recent = _not_announced(listed, current, told)
    behind = [
        count for count in kept if count not in current or any(count.lacks(*row) for row in recent)
    ]
    return _recounted(kept, behind) if behind or _do_contradict(kept) else _said(kept)


def inbox_state(unread: UnreadCount, told: Told, bus: BusFace) -> InboxState | None:
    """Return as what the inbox is known; None while the bus is away or the count has to be read."""
    caught_up = bus.caught_up
    if caught_up is None or unread.is_old:
        return None
    return InboxState(told.version, caught_up, unread.count)


def is_on_its_way(row: NotificationRow, unread: UnreadCount, told: Told) -> bool:
    """Tell whether `unread` lacks a row, because it is still to be announced here."""
    id_bytes = row.id.bytes
    return not (row.is_read or told.has(id_bytes)) and unread.lacks(id_bytes, row.created_at)


def _not_announced(
    listed: Sequence[Listed], counts: Sequence[KeptCount], told: Told
) -> list[tuple[bytes, datetime]]:
    """Return which of `listed` have come since a recount, or may have, and were not announced."""
    if not counts:
        return []
    since = min(count.recent_since for count in counts)
    recent = takewhile(lambda row: row.created_at >= since, listed)
    return [(row.id_bytes, row.created_at) for row in recent if not told.has(row.id_bytes)]


async def _recounted(kept: Sequence[KeptCount], behind: Sequence[KeptCount]) -> InboxCounts:
    for count in behind:
        await count.recount()
    if _do_contradict(kept):
        # Rows have aged out of the inbox, or have come unannounced, since one of them was counted.
        for count in kept:
            if count not in behind:
                await count.recount()
    return _said(kept)


def _do_contradict(kept: Sequence[KeptCount]) -> bool:
    """Tell whether more are unread than are shown."""
    unread, *shown = (count.count for count in kept)
    return bool(shown) and unread > shown[0]


def _said(kept: Sequence[KeptCount]) -> InboxCounts:
    unread, *shown = (count.count for count in kept)
    # Between two recounts, too, one may be deleted.
    return InboxCounts(min([unread, *shown]), shown[0] if shown else None)
