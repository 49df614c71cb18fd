"""Spread the followers of a business over slots, so that a fan-out reads closed ranges.

A page by `limit` costs as much as the whole list on the embedded store (3.5 s against 18 ms at
100,000 follows); a closed range of slots costs what it returns, and ranges can be shared out.
"""

from __future__ import annotations

from hashlib import blake2b
from uuid import UUID

SLOTS = 4096
"""12 bits: about 250 followers a slot for a business with a million."""


def slot_of(user_id: UUID) -> int:
    """Return the slot (0..4095) of `user_id`, the same for every business."""
    return int.from_bytes(blake2b(user_id.bytes, digest_size=2).digest(), "big") % SLOTS


def slots_for(batch_rows: int, followers: int) -> int:
    """Return how many slots hold about `batch_rows` of `followers`, at least one."""
    if followers <= batch_rows:
        return SLOTS
    return max(1, SLOTS * batch_rows // followers)
