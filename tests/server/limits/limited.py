"""Server processes with limits of their own, which a test can reach."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from tests.support.service import running

LIMITS = {
    "anonymous_per_hour": 4,
    "user_per_hour": 12,
    "customer_per_minute": 6,
    "ngo_per_minute": 7,
    "provider_per_minute": 20,
    "admin_per_minute": 14,
    "service_per_minute": 15,
    "customer_notifications_per_minute": 3,
}
EVENTS = "/api/internal/events/"
FOLLOWING = "/api/following/"
UNREAD_COUNT = "/api/notifications/unread-count/"
DEVICES = "/api/devices/"

addresses = (f"198.51.100.{number}" for number in count(1))


def limited(mongodb_uri: str, redis_url: str, database: str, instance: str) -> Any:
    return running(
        mongodb_uri,
        redis_url,
        database,
        SNB_INSTANCE=instance,
        SNB_RATE_LIMITS=json.dumps(LIMITS),
        SNB_TRUSTED_PROXIES="127.0.0.1",
    )
