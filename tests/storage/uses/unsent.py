"""Uses of the deliveries that are due, and of those that workers have."""

from __future__ import annotations

from itertools import product

from storage.unsent import UnsentRepository
from tests.storage.filled.asked import CHANNELS, LATER
from tests.storage.uses.deliveries import due_again
from tests.storage.uses.use import Use, counted


def found(name: str, channel: str) -> Use:
    method = getattr(UnsentRepository, name)
    return Use(
        method,
        lambda stores: counted(method(stores.unsent, channel, before=LATER, limit=500)),
        (f"{name}_{channel}",),
        due_again if channel == "email" else None,
    )


USES = [
    found(name, channel)
    for name, channel in product(("due", "due_critical", "due_usual", "claimed"), CHANNELS)
]
