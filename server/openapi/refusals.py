"""Which errors a method can give, by what its handler declares (contract section 2.8)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from server.handlers.base import PUBLIC, ApiHandler
from server.operation import JSON
from server.schemas.answer import ErrorEnvelope

WORDS = {
    400: "`VALIDATION_ERROR`: what was sent is not what is asked for; `details` names each field.",
    401: "`UNAUTHORIZED`: there is no token, or not a good one.",
    403: "`PERMISSION_DENIED`: this is not for the bearer of the token, or the signature is wrong.",
    404: "`NOT_FOUND`, `BUSINESS_NOT_FOUND`: there is no such thing, or none of the caller's.",
    409: "`ALREADY_FOLLOWING`, `CONFLICT`, `IDEMPOTENCY_IN_PROGRESS`: not in the present state.",
    413: "`PAYLOAD_TOO_LARGE`: the body is over the limit, and was not read.",
    415: "`UNSUPPORTED_MEDIA_TYPE`: the body is not of the content type asked for.",
    422: "`NOTIFICATION_LIMIT_EXCEEDED`, `FOLLOW_LIMIT_EXCEEDED`, `IDEMPOTENCY_KEY_REUSED`.",
    429: "`RATE_LIMITED`: too many requests; `Retry-After` says when to come back.",
    500: "`INTERNAL_ERROR`, `DELIVERY_FAILED`: a fault of the service; it is in its log.",
    503: "`UNAVAILABLE`: what this needs is away; `Retry-After` says when to come back.",
}
"""Status -> what it says, of every error that an operation can document."""

STANDING = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
"""The headers of whatever counts to its caller's rate limits."""

_HEADERS = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}


def refusals_of(handler: type[ApiHandler], method: str, *, has_parameters: bool) -> list[int]:
    """Return the statuses of the errors that `method` can give."""
    operation = handler.operations[method]
    statuses = {500, 503, *operation.refusals}
    if handler.roles[method] is not PUBLIC:
        statuses |= {401, 403}
    if method != "GET":
        statuses |= {400, 413, 415}
    if operation.query is not None or operation.headers is not None:
        statuses |= {400}
    if handler.is_rate_limited:
        statuses |= {429}
    if has_parameters:
        statuses |= {404}
    return sorted(statuses - operation.answers.keys())


def refusal_name(status: int) -> str:
    """Return the name of the answer among the document's components."""
    return HTTPStatus(status).phrase.replace(" ", "")


def refusal(status: int) -> dict[str, Any]:
    """Return the Response Object of an error."""
    return {
        "description": WORDS[status],
        "headers": headers("X-Request-ID", *STANDING, *_HEADERS.get(status, ())),
        "content": {JSON: {"schema": ErrorEnvelope}},
    }


def headers(*names: str) -> dict[str, Any]:
    """Return the headers of an answer, described among the document's components."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
