"""Uses of the listings."""

from __future__ import annotations

from uuid import UUID

from storage.listings import ListingChange, ListingsRepository
from storage.standing import Telling
from tests.storage.filled.asked import BAKERY, KNOWN_THINGS, RETURNED
from tests.storage.samples import NOON
from tests.storage.uses.use import Use, counted, is_found, without

A_TELLING = Telling(id=KNOWN_THINGS[0], what="expiring", at=NOON, event_key=UUID(int=1))

USES = [
    Use(
        ListingsRepository.apply,
        lambda stores: stores.listings.apply(
            [ListingChange(listing_id="770g", occurred_at=NOON, accepted_at=NOON)], at=NOON
        ),
        restore=without("listings", ["770g"]),
    ),
    Use(
        ListingsRepository.on_offer,
        lambda stores: counted(
            stores.listings.on_offer(BAKERY, new_since=NOON, at=NOON, limit=RETURNED)
        ),
        ("on_offer",),
    ),
    Use(
        ListingsRepository.standing,
        lambda stores: counted(stores.listings.standing(KNOWN_THINGS)),
    ),
    Use(
        ListingsRepository.tell,
        lambda stores: stores.listings.tell(A_TELLING),
    ),
    Use(ListingsRepository.removed, lambda stores: counted(stores.listings.removed(KNOWN_THINGS))),
    Use(ListingsRepository.find, lambda stores: is_found(stores.listings.find(KNOWN_THINGS[0]))),
]
