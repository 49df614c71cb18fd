"""Uses of the newest statuses."""

from __future__ import annotations

from storage.statuses import StatusesRepository
from tests.storage.filled.asked import KNOWN
from tests.storage.samples import NOON
from tests.storage.uses.use import Use, counted

USES = [
    Use(StatusesRepository.newest, lambda stores: counted(stores.statuses.newest(KNOWN))),
    Use(
        StatusesRepository.record,
        lambda stores: stores.statuses.record({KNOWN[0]: NOON}, at=NOON),
    ),
]
