"""Uses of the suppressed addresses."""

from __future__ import annotations

from storage.suppressions import SuppressionsRepository
from tests.storage.filled.asked import SUPPRESSED
from tests.storage.samples import NOON
from tests.storage.uses.use import Use, counted

USES = [
    Use(
        SuppressionsRepository.add,
        lambda stores: stores.suppressions.add(SUPPRESSED, channel="email", reason="", at=NOON),
    ),
    Use(
        SuppressionsRepository.suppressed,
        lambda stores: counted(stores.suppressions.suppressed([SUPPRESSED, "c"])),
    ),
    Use(
        SuppressionsRepository.remove,
        lambda stores: stores.suppressions.remove("c@d.example"),
    ),
]
