"""Tell how many an audience has: by going through it where they are few, else by a share of it."""

from __future__ import annotations

from dataclasses import dataclass

from actors.flows.audience import Audience
from rules.batching import BatchSizer
from rules.recipients import Recipient

MOST_READ = 5_000
"""Rows that are read to know it; a share of so many is right within some 3 %."""

READ_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class AudienceSize:
    """How many there are, exactly or about, and one of them if there is any."""

    count: int
    is_exact: bool
    sample: Recipient | None


async def size_of(audience: Audience, *, most_read: int = MOST_READ) -> AudienceSize:
    """Read `audience` until it ends or enough was read.

    Cursors pass people in the order of hashes, so those passed are as many of all as the cursor is
    of its end.
    """
    sizer = BatchSizer()
    sizer.rows = READ_AT_ONCE
    rows = count = 0
    sample: Recipient | None = None
    async for batch in audience.batches(sizer):
        rows += batch.rows
        count += len(batch.recipients)
        sample = sample or next(iter(batch.recipients), None)
        if rows >= most_read and batch.next_cursor < audience.end:
            return AudienceSize(count * audience.end // batch.next_cursor, False, sample)
    return AudienceSize(count, True, sample)
