"""Say how much an inbox holds, beside rows of it that were read from the store just now."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from actors.kept_count import KeptCount, ShownCount, UnreadCount
from actors.messages import Listed
from actors.told import Told


@dataclass(frozen=True, slots=True)
class InboxCounts:
    """How many rows are unread, and how many are shown, where that was wanted."""

    unread: int
    shown: int | None


def inbox_counts(
    unread: UnreadCount, shown: ShownCount | None, listed: Sequence[Listed], told: Told
) -> InboxCounts | Awaitable[InboxCounts]:
    """Return what `unread` and `shown` say; awaitable where the store has to be asked.

    It is asked when one of them is old, or lacks one of `listed`, newest first: so a row is counted
    that is in the store and whose announcement is still on its way. Then it is asked for both, or
    more might be unread than are shown.
    """
    kept: list[KeptCount] = [unread] if shown is None else [unread, shown]
    if any(count.is_old for count in kept) or _lack_any(kept, listed, told):
        return _recounted(kept)
    return _said(kept)


def _lack_any(kept: Sequence[KeptCount], listed: Sequence[Listed], told: Told) -> bool:
    since = min(count.recent_since for count in kept)
    for row in listed:
        created_at = row.created_at
        if created_at < since:
            break
        # Once for each row, because making a UUID takes as long as all the rest here.
        row_id = row.id
        if any(count.lacks(row_id, created_at) for count in kept) and not told.has(row_id):
            return True
    return False


async def _recounted(kept: Sequence[KeptCount]) -> InboxCounts:
    for count in kept:
        await count.recount()
    return _said(kept)


def _said(kept: Sequence[KeptCount]) -> InboxCounts:
    unread, *shown = (count.count for count in kept)
    return InboxCounts(unread, shown[0] if shown else None)
