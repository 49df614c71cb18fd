"""Uses of the interests in listings."""

from __future__ import annotations

from rules.slots import SLOTS
from storage.interests import Interest, InterestsRepository
from tests.storage.filled.asked import FOLLOWER, KNOWN_THINGS, READER
from tests.storage.samples import NOON
from tests.storage.uses.use import Use, counted, counted_in_parts, is_found

USES = [
    Use(
        InterestsRepository.record,
        lambda stores: stores.interests.record(
            [Interest(KNOWN_THINGS[0], FOLLOWER, NOON)], at=NOON
        ),
    ),
    Use(
        InterestsRepository.find,
        lambda stores: is_found(stores.interests.find(KNOWN_THINGS[0], READER)),
    ),
    Use(
        InterestsRepository.count,
        lambda stores: stores.interests.count(KNOWN_THINGS[0]),
        ("listing_slot",),
    ),
    Use(
        InterestsRepository.range,
        lambda stores: counted(stores.interests.range(KNOWN_THINGS[0], slot_from=0, slot_to=SLOTS)),
        ("listing_slot",),
    ),
    Use(
        InterestsRepository.exported,
        lambda stores: counted_in_parts(stores.interests.exported(READER)),
        ("user",),
    ),
]
