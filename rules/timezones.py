"""The time zones that people live in, by their IANA names."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

TIMEZONES = frozenset(available_timezones()) - {"localtime", "Factory"}
"""Those that users may have: without the machine's own, which is another one elsewhere, and the one
that stands for none."""

DEFAULT_TIMEZONE = "Africa/Johannesburg"


# zoneinfo itself keeps eight zones that nobody holds, and reads the others from disk each time.
@lru_cache(maxsize=1_024)
def zone_of(name: str) -> ZoneInfo:
    """Return the zone `name`, or the default one when the database no longer has it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # OSError: some names are folders of the database, "Africa" for one.
        return ZoneInfo(DEFAULT_TIMEZONE)
