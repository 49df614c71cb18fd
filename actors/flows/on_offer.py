"""What businesses offer, remembered a minute for all who follow them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from cachetools import TTLCache

from rules.weekly_digest import A_WEEK
from storage.collection import portions
from storage.listings import Listing, ListingsRepository

REMEMBERED = 5_000
"""Businesses; of each what it offers, a few kilobytes."""

REMEMBERED_FOR_S = 60.0

ASKED_AT_ONCE = 20
"""A query each: of several in one the embedded store reads what none of them asks for."""

MOST_OF_ONE = 100


class OnOffer:
    """Looks up what is new of a week and still to be had."""

    def __init__(self, listings: ListingsRepository) -> None:
        self._listings = listings
        self._remembered: TTLCache[UUID, Sequence[Listing]] = TTLCache(REMEMBERED, REMEMBERED_FOR_S)

    async def of(
        self, businesses: Iterable[UUID], *, at: datetime
    ) -> dict[UUID, Sequence[Listing]]:
        """Return what each of `businesses` offers at `at`; who offers nothing is absent."""
        wanted = set(businesses)
        found = {each: kept for each in wanted if (kept := self._remembered.get(each)) is not None}
        for some in portions(wanted - found.keys(), ASKED_AT_ONCE):
            offers = await asyncio.gather(
                *(
                    self._listings.on_offer(each, new_since=at - A_WEEK, at=at, limit=MOST_OF_ONE)
                    for each in some
                )
            )
            found |= zip(some, offers, strict=True)
            self._remembered.update(zip(some, offers, strict=True))
        return {each: offered for each, offered in found.items() if offered}
