"""Uses of the listings."""

from __future__ import annotations

from storage.listings import ListingChange, ListingsRepository
from tests.storage.filled.asked import KNOWN_THINGS
from tests.storage.samples import NOON
from tests.storage.uses.use import Use, counted, is_found

USES = [
    Use(
        ListingsRepository.apply,
        lambda stores: stores.listings.apply(
            [ListingChange(listing_id="770g", occurred_at=NOON)], at=NOON
        ),
    ),
    Use(ListingsRepository.removed, lambda stores: counted(stores.listings.removed(KNOWN_THINGS))),
    Use(ListingsRepository.find, lambda stores: is_found(stores.listings.find(KNOWN_THINGS[0]))),
]
