"""Uses of what became of notifications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.fates import FatesRepository
from tests.storage.filled.asked import BAKERY, LATER
from tests.storage.samples import NOON
from tests.storage.uses.use import Use

if TYPE_CHECKING:
    from uuid import UUID

    from storage.stores import Stores


async def rows(stores: Stores, business_id: UUID | None = None) -> int:
    return sum([count async for _, count in stores.fates.of(NOON, LATER, business_id=business_id)])


USES = [
    Use(FatesRepository.of, rows, ("age",)),
    Use(FatesRepository.of, lambda stores: rows(stores, BAKERY), ("age",)),
    Use(FatesRepository.count, lambda stores: stores.fates.count(NOON, LATER), ("age",)),
    Use(FatesRepository.has_any, lambda stores: stores.fates.has_any(NOON, LATER), ("age",)),
]
