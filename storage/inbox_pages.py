"""Read pages of inboxes from no more of each than the same page had the last time.

The embedded store reads and sorts all rows of an inbox before it takes the newest of them; an
index bounds that by a range alone. So the position that a page reached down to is remembered, and
bounds it when it is read again: if a whole page is found from there on, it is the newest there is,
whatever has come or gone meanwhile. If not, the whole inbox is asked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from cachetools import LRUCache

from storage.listed_rows import LISTED, ListedRow, ListedRows

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from bson.raw_bson import RawBSONDocument

    from storage.collection import StoreCollection
    from storage.encryption import FieldCipher
    from storage.inbox_filter import InboxFilter

NEWEST_FIRST = [("created_at", -1), ("_id", -1)]

REMEMBERED = 10_000
"""Pages, at about 340 bytes each: as 10,000 people have who read the first of theirs."""


class InboxPages:
    """Reads pages of the inboxes in `rows`."""

    def __init__(self, rows: StoreCollection, cipher: FieldCipher) -> None:
        self._rows = rows.encoded()
        self._listed = ListedRows(cipher)
        self._reached: LRUCache[tuple[bytes, InboxFilter, int, int], datetime] = LRUCache(
            REMEMBERED
        )

    async def read(
        self, recipient_id: UUID, wanted: InboxFilter, *, page: int, page_size: int
    ) -> list[ListedRow]:
        """Return page `page` (from 1) of what is wanted, newest first."""
        skip = (page - 1) * page_size
        asked = (recipient_id.bytes, wanted, page, page_size)
        reached = self._reached.get(asked)
        rows: list[ListedRow] = []
        if reached is not None:
            bounded = replace(wanted, created_from=reached)
            rows = await self._find(recipient_id, bounded, skip, page_size)
        if len(rows) < page_size:
            rows = await self._find(recipient_id, wanted, skip, page_size)
        if len(rows) == page_size:
            self._reached[asked] = rows[-1].created_at
        elif reached is not None:
            self._reached.pop(asked, None)
        return rows

    async def _find(
        self, recipient_id: UUID, wanted: InboxFilter, skip: int, limit: int
    ) -> list[ListedRow]:
        first, *rest = wanted.stages(recipient_id)
        if rest:
            found = await self._rows.aggregate(
                [
                    first,
                    *rest,
                    {"$sort": dict(NEWEST_FIRST)},
                    {"$skip": skip},
                    {"$limit": limit},
                    {"$project": LISTED},
                ]
            )
        else:
            found = await self._rows.find(
                first["$match"], LISTED, sort=NEWEST_FIRST, skip=skip, limit=limit
            )
        return self._listed.read(cast("list[RawBSONDocument]", found), recipient_id)
