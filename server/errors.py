"""What the edge itself raises, with the status and code that clients see (contract section 2.8).

    ApiError
    ├── ValidationFailed     400, details: field -> [messages]
    ├── Unauthenticated      401
    ├── PermissionDenied     403
    ├── NotFound             404
    ├── MethodNotAllowed     405
    ├── PayloadTooLarge      413
    ├── UnsupportedMediaType 415
    └── RateLimited          429, Retry-After

What other layers raise has its status in `server/error_table.py`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rules.rate_limits import Standing

FIELDS_NAMED = 50
"""Bad fields that an answer names: a list of bad ids would be answered at many times its length."""


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """A failure as clients see it."""

    status: int
    code: str
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Return what stands under `error`."""
        return {"code": self.code, "message": self.message, "details": dict(self.details)}


class ApiError(Exception):
    """A failure found at the edge itself."""

    def __init__(self, answer: ErrorAnswer) -> None:
        super().__init__(answer.message)
        self.answer = answer


class ValidationFailed(ApiError):
    """What was sent is not what is asked for."""

    def __init__(self, details: Mapping[str, list[str]]) -> None:
        named = dict(itertools.islice(details.items(), FIELDS_NAMED))
        super().__init__(
            ErrorAnswer(400, "VALIDATION_ERROR", "Request data validation failed", named)
        )


class Unauthenticated(ApiError):
    """Nobody knows who asks."""

    def __init__(self, message: str) -> None:
        super().__init__(
            ErrorAnswer(401, "UNAUTHORIZED", message, {}, {"WWW-Authenticate": "Bearer"})
        )


class PermissionDenied(ApiError):
    """It is known who asks, and they may not."""

    def __init__(self, message: str = "You do not have permission to do this") -> None:
        super().__init__(ErrorAnswer(403, "PERMISSION_DENIED", message))


class NotFound(ApiError):
    """There is no such thing, or none of the asker's."""

    def __init__(self, message: str = "Not found") -> None:
        super().__init__(ErrorAnswer(404, "NOT_FOUND", message))


class MethodNotAllowed(ApiError):
    """The path is right and the method is not."""

    def __init__(self, allowed: Iterable[str]) -> None:
        headers = {"Allow": ", ".join(sorted(allowed))}
        super().__init__(ErrorAnswer(405, "METHOD_NOT_ALLOWED", "Method not allowed", {}, headers))


class PayloadTooLarge(ApiError):
    """The body is over the limit; it is refused without being read."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            ErrorAnswer(
                413,
                "PAYLOAD_TOO_LARGE",
                f"The body is over the limit of {limit_bytes} bytes",
                {"limit_bytes": limit_bytes},
                {"Connection": "close"},
            )
        )


class UnsupportedMediaType(ApiError):
    """The body is not of the type that is read here."""

    def __init__(self, wanted: str = "application/json in UTF-8") -> None:
        super().__init__(ErrorAnswer(415, "UNSUPPORTED_MEDIA_TYPE", f"The body must be {wanted}"))


class RateLimited(ApiError):
    """The caller has asked as often as they may for now."""

    def __init__(self, standing: Standing) -> None:
        super().__init__(
            ErrorAnswer(
                429,
                "RATE_LIMITED",
                f"Too many requests; try again in {standing.resets_in_s} s",
                {
                    "limit": standing.limit.most,
                    "window_s": standing.limit.window_s,
                    "retry_after_s": standing.resets_in_s,
                },
                {"Retry-After": str(standing.resets_in_s)},
            )
        )
