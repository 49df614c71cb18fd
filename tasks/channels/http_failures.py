"""Tell by what `requests` raised whether a provider may have taken the message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from requests.exceptions import ConnectTimeout, RequestException
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NewConnectionError,
)

from rules.deliveries import Outcome, Transient, Uncertain

if TYPE_CHECKING:
    from collections.abc import Mapping


def outcome_of_failure(error: RequestException) -> Outcome:
    """Return `Transient` when nothing can have reached the provider, and else `Uncertain`."""
    reason: object = error.args[0] if error.args else None
    if isinstance(reason, MaxRetryError):
        reason = reason.reason
    name = type(error).__name__
    if isinstance(error, ConnectTimeout) or isinstance(
        reason, NewConnectionError | ConnectTimeoutError
    ):
        return Transient(name)
    return Uncertain(type(reason).__name__ if isinstance(reason, HTTPError) else name)


def retry_after(
    headers: Mapping[str, str] | None, *, now: datetime | None = None
) -> timedelta | None:
    """Return what `Retry-After` asks for, in seconds or as a date (RFC 9110 §10.2.3)."""
    value = (headers or {}).get("Retry-After")
    if not value:
        return None
    if value.strip().isdigit():
        return timedelta(seconds=min(int(value), 10**6))
    try:
        wait = parsedate_to_datetime(value) - (now or datetime.now(UTC))
    except (ValueError, TypeError):
        return None
    return max(wait, timedelta())
