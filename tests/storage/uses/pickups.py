"""Uses of the pickups."""

from __future__ import annotations

from uuid import UUID

from storage.pickups import PickupChange, PickupsRepository
from storage.standing import Telling
from tests.storage.filled.asked import KNOWN_THINGS, LATER, READER
from tests.storage.samples import NOON
from tests.storage.uses.use import Use, counted, counted_in_parts, is_found, without

A_PICKUP = PickupChange(
    interaction_id="770g", status="completed", occurred_at=NOON, accepted_at=NOON
)
A_TELLING = Telling(id=KNOWN_THINGS[0], what="day", at=LATER, event_key=UUID(int=1))

USES = [
    Use(
        PickupsRepository.apply,
        lambda stores: stores.pickups.apply([A_PICKUP], at=NOON),
        restore=without("pickups", [A_PICKUP.interaction_id]),
    ),
    Use(
        PickupsRepository.standing,
        lambda stores: counted(stores.pickups.standing(KNOWN_THINGS)),
    ),
    Use(
        PickupsRepository.tell,
        lambda stores: counted(stores.pickups.tell([A_TELLING])),
    ),
    Use(PickupsRepository.find, lambda stores: is_found(stores.pickups.find(KNOWN_THINGS[0]))),
    Use(
        PickupsRepository.exported,
        lambda stores: counted_in_parts(stores.pickups.exported(READER)),
        ("user",),
    ),
]
