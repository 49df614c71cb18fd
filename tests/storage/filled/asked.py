"""Whom and what the queries ask for, by their ids, in no other's way."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import count
from typing import TYPE_CHECKING
from uuid import UUID

from rules.lease import Lease
from storage.encryption import FieldCipher
from tests.storage.samples import KEY, NOON

if TYPE_CHECKING:
    from collections.abc import Iterator

RETURNED = 20
"""Rows that a query returns, at any size."""

SHARE = 12
"""One in so many rows belongs to the asked user or business, without being asked for."""

OTHERS = 1_000_000
"""From here on the ids of those that no query asks for."""

LATER = NOON + timedelta(hours=1)
LONG_AGO = NOON - timedelta(days=30)
OPTED_OUT_AT = LONG_AGO - timedelta(days=1)
STATS_DAY = date(2026, 11, 1)
PURGE_AT = LATER + timedelta(days=180)

CIPHER = FieldCipher([KEY])
CHANNELS = ("email", "push", "sms")


def ids(first: int) -> list[UUID]:
    return [UUID(int=first + n) for n in range(RETURNED)]


def others() -> Iterator[UUID]:
    """Yield, without end, the ids of those whom no query asks for."""
    return (UUID(int=n) for n in count(OTHERS))


def known_things() -> Iterator[tuple[str, UUID]]:
    """Yield things with a user each: the reader for those that are asked for."""
    for thing in KNOWN_THINGS:
        yield thing, READER
    for user_id in others():
        yield str(user_id.int), user_id


KNOWN = ids(0)
"""Users and businesses of whom there is no more to say."""

READER, MARKER, DELETER, CHANGED, FOLLOWER, SETTLER, BAKER = (UUID(int=100 + n) for n in range(7))
OWNER = UUID(int=110)
BAKERY, DAIRY = UUID(int=200), UUID(int=201)
READ_ROWS, MARKED_ROWS, DELETED_ROWS, DUE_ROWS = (ids(n * 10_000_000) for n in range(1, 5))
NOBODYS_EVENTS, OUR_EVENTS, DEAD_EVENTS, ENDING_EVENTS = (ids(n * 10_000_000) for n in range(5, 9))
DUE_USERS, SETTLING_USERS = ids(90_000_000), ids(91_000_000)
DEVICES, TOKENS = ids(92_000_000), [f"token-{n}" for n in range(RETURNED)]
SCHEDULES = ids(93_000_000)
LOST_USERS, LOST_NUMBERS = ids(94_000_000), [f"+2782555{n:04}" for n in range(RETURNED)]
CAMPAIGN, CAMPAIGN_ROWS, CAMPAIGN_USERS = UUID(int=300), ids(97_000_000), ids(98_000_000)
DEAD_ROWS, DEAD_USERS = ids(95_000_000), ids(96_000_000)
KNOWN_THINGS = [f"known-{n}" for n in range(RETURNED)]
"""Listings and interactions."""

SUPPRESSED = "gone@example.org"
DEAD, ENDING = Lease("gone:8000", 2), Lease("ending:8000", 1)
