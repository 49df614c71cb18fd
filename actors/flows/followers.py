"""Read the followers of a business as a stream of batches of recipients."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from rules.audience import was_following
from rules.batching import BatchSizer
from rules.recipients import Recipient
from rules.slots import SLOTS, slots_for
from storage.follows import FollowsRepository
from storage.users import UsersRepository

MOST_IN_RANGE = 5_000
"""A range that holds more than this, because the follower count was wrong, is read in parts."""


@dataclass(frozen=True, slots=True)
class RecipientBatch:
    """Recipients of one closed range of slots; `next_slot` is the cursor once they are told."""

    recipients: list[Recipient]
    next_slot: int
    read_s: float


async def follower_batches(
    follows: FollowsRepository,
    users: UsersRepository,
    business_id: UUID,
    *,
    followers_count: int,
    following_at: datetime,
    first_slot: int,
    sizer: BatchSizer,
    most_in_range: int = MOST_IN_RANGE,
) -> AsyncIterator[RecipientBatch]:
    """Yield those who followed at `following_at` and do when their range is read.

    Goes on from `first_slot`; the size of each range follows `sizer`.
    """
    estimate = followers_count
    slot = first_slot
    while slot < SLOTS:
        until = min(SLOTS, slot + slots_for(sizer.rows, estimate))
        began = time.monotonic()
        limit = most_in_range if until - slot > 1 else None
        found = await follows.range(business_id, slot_from=slot, slot_to=until, limit=limit)
        if limit is not None and len(found) == limit:
            estimate = max(estimate * 2, limit * SLOTS // (until - slot))
            continue
        ids = [
            follow.user_id
            for follow in found
            if was_following(
                first_followed_at=follow.first_followed_at, gaps=follow.gaps, at=following_at
            )
        ]
        known = await users.recipients(ids) if ids else {}
        recipients = [known.get(user_id) or Recipient(user_id=user_id) for user_id in ids]
        yield RecipientBatch(recipients, until, time.monotonic() - began)
        slot = until
