"""Uses of the deliveries that are due, and of those that workers have."""

from __future__ import annotations

from itertools import product

from storage.filing import WAITING, Heading
from storage.unsent import UnsentRepository
from tests.storage.filled.asked import CHANNELS, LATER
from tests.storage.uses.deliveries import due_again
from tests.storage.uses.use import Use, counted


def due(heading: Heading, channel: str) -> Use:
    return Use(
        UnsentRepository.due,
        lambda stores: counted(stores.unsent.due(channel, heading, before=LATER, limit=500)),
        (f"filed_{channel}",),
        due_again if channel == "email" else None,
    )


def claimed(channel: str) -> Use:
    return Use(
        UnsentRepository.claimed,
        lambda stores: counted(stores.unsent.claimed(channel, before=LATER, limit=500)),
        (f"filed_{channel}",),
    )


USES = [
    *(due(heading, channel) for heading, channel in product(WAITING, CHANNELS)),
    *(claimed(channel) for channel in CHANNELS),
]
