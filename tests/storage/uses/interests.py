"""Uses of the interests in listings."""

from __future__ import annotations

from storage.interests import Interest, InterestsRepository
from tests.storage.filled.asked import FOLLOWER, KNOWN_THINGS, READER
from tests.storage.samples import NOON
from tests.storage.uses.use import Use, counted_in_parts, is_found

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
        InterestsRepository.exported,
        lambda stores: counted_in_parts(stores.interests.exported(READER)),
        ("user",),
    ),
]
