"""Uses of the pickups."""

from __future__ import annotations

from storage.pickups import PickupChange, PickupsRepository
from tests.storage.filled.asked import KNOWN_THINGS, READER
from tests.storage.samples import NOON
from tests.storage.uses.use import Use, counted_in_parts, is_found

A_PICKUP = PickupChange(interaction_id="770g", status="completed", occurred_at=NOON)

USES = [
    Use(PickupsRepository.apply, lambda stores: stores.pickups.apply([A_PICKUP], at=NOON)),
    Use(PickupsRepository.find, lambda stores: is_found(stores.pickups.find(KNOWN_THINGS[0]))),
    Use(
        PickupsRepository.exported,
        lambda stores: counted_in_parts(stores.pickups.exported(READER)),
        ("user",),
    ),
]
