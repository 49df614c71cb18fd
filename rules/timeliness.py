"""Tell whether what a notification says still helps when it can be sent at last."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

_PASSES_WITH = {
    "new_listing": "expiry_date",
    "listing_expiring": "expiry_date",
    "pickup_reminder": "pickup_time",
}
"""Kind -> the time in its data with which it is over (contract section 5, quiet hours)."""


def is_still_true(kind: str, data: Mapping[str, Any], *, at: datetime) -> bool:
    """Tell whether a notification of `kind` with `data` is worth sending at `at`."""
    field = _PASSES_WITH.get(kind)
    passes_at = data.get(field) if field is not None else None
    if not isinstance(passes_at, str):
        return True
    try:
        return at < datetime.fromisoformat(passes_at)
    except (ValueError, TypeError):
        # Senders of direct notifications may put anything there.
        return True
