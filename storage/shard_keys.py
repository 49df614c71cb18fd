"""By what the collections of a sharded cluster are divided."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SHARD_KEYS: Mapping[str, Mapping[str, int | str]] = {
    "users": {"_id": "hashed"},
    "device_tokens": {"_id": "hashed"},
    "businesses": {"_id": "hashed"},
    "events": {"_id": "hashed"},
    "idempotency_keys": {"_id": "hashed"},
    "schedules": {"_id": "hashed"},
    "statuses": {"_id": "hashed"},
    "images": {"_id": "hashed"},
    "listings": {"_id": "hashed"},
    "pickups": {"_id": "hashed"},
    "interests": {"listing_id": 1, "slot": 1},
    "follows": {"business_id": 1, "user_id": 1},
    "notifications": {"recipient_id": 1},
    "suppressions": {"_id": "hashed"},
    "opt_outs": {"_id": "hashed"},
    "business_stats": {"_id": "hashed"},
    "campaigns": {"_id": "hashed"},
}
"""Collections that are not here stay unsharded: `processes`, `jobs`, `templates`, `retention`,
`channels` and `daily_stats` are small, and operators write `audit_log`. Where the key is not `_id`,
ids are hashes of it and more, so that the same id is always on the same shard. What each query asks
by them is in `docs/routing.md`."""
