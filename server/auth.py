"""Who asks, and what a token has to be to say so (contract section 1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class UserType(StrEnum):
    """Who somebody is on the platform; what they may do is written beside the routes."""

    CUSTOMER = "customer"
    NGO = "ngo"
    PROVIDER = "provider"
    ADMIN = "admin"
    SERVICE = "service"


INBOX_OWNERS = frozenset({UserType.CUSTOMER, UserType.NGO, UserType.PROVIDER, UserType.ADMIN})

ADMINS = frozenset({UserType.ADMIN})

SENDERS = frozenset({UserType.SERVICE, UserType.ADMIN})
"""Who may send to one user."""


class InvalidToken(Exception):
    """The token does not say who asks. `reason` is safe to show."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class KeysUnavailable(Exception):
    """The keys that the token is to be checked by have never been had; it may be a good one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks, as their token says."""

    user_id: UUID
    user_type: UserType
    expires_at_s: float
    """Seconds since the epoch."""
    name: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    business_id: UUID | None = None
    """Of providers."""


def bearer_token(authorization: str | None) -> str | None:
    """Return the token of an `Authorization` header, None when there is no header.

    Raises InvalidToken for a header of another form.
    """
    if authorization is None:
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise InvalidToken("the Authorization header is not of the form 'Bearer <token>'")
    return token.strip()
