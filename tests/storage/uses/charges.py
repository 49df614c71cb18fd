"""Uses of the charges against daily caps."""

from __future__ import annotations

from datetime import timedelta

from rules.local_day import LocalDay
from rules.timezones import zone_of
from storage.charges import ChargesRepository
from tests.storage.filled.asked import DELETER, MARKER
from tests.storage.samples import NOON
from tests.storage.uses.use import Use, counted

A_DAY = LocalDay.of(NOON + timedelta(days=5), zone_of("Africa/Johannesburg"))

USES = [
    Use(
        ChargesRepository.on,
        lambda stores: counted(stores.charges.on(dict.fromkeys((MARKER, DELETER), A_DAY))),
        ("position",),
    ),
]
