"""Tell what has changed since a notification was made, so that it is no longer true.

The events that end a pickup or a listing, or move it, do not look for what waits to be sent: that
is asked when it is about to be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rules.timeliness import time_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from storage.listings import ListingsRepository
    from storage.notifications import NotificationRow
    from storage.pickups import PickupsRepository
    from storage.standing import Standing

_OF_PICKUPS = frozenset({"pickup_reminder", "pickup_missed"})
_OF_LISTINGS = frozenset({"new_listing", "listing_expiring"})


class News:
    """Reads how pickups and listings stand, in one query each, where rows tell of any."""

    def __init__(self, pickups: PickupsRepository, listings: ListingsRepository) -> None:
        self._pickups = pickups
        self._listings = listings

    async def outdated(self, rows: Sequence[NotificationRow]) -> set[UUID]:
        """Return the ids of those of `rows` that are no longer so; of what is unknown all is so."""
        outdated: set[UUID] = set()
        pickups = _named(rows, _OF_PICKUPS, "interaction_id")
        known = await self._pickups.standing(pickups.values()) if pickups else {}
        for row in rows:
            standing = known.get(pickups.get(row.id, ""))
            if standing and _is_over(standing, time_in(row.data, "pickup_time")):
                outdated.add(row.id)
        listings = _named(rows, _OF_LISTINGS, "listing_id")
        removed = await self._listings.removed(listings.values()) if listings else ()
        return outdated | {id_ for id_, listing_id in listings.items() if listing_id in removed}


def _is_over(standing: Standing, said: datetime | None) -> bool:
    """Tell whether a pickup is not on any more, or not at the time that was said, if one was."""
    return standing.at is None or (said is not None and said != standing.at)


def _named(rows: Iterable[NotificationRow], kinds: frozenset[str], name: str) -> dict[UUID, str]:
    """Return by row what those of `kinds` name."""
    named: Mapping[UUID, Any] = {row.id: row.data.get(name) for row in rows if row.kind in kinds}
    return {row_id: value for row_id, value in named.items() if isinstance(value, str)}
