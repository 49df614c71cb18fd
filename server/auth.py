"""Say who asks: verify tokens (contract section 1)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

import jwt
from cachetools import LRUCache

CACHED_TOKENS = 20_000
"""Verified tokens kept: twice the connections that one process is built for."""

MAX_TOKEN_BYTES = 8_192


class UserType(StrEnum):
    """Who somebody is on the platform; what they may do is written beside the routes."""

    CUSTOMER = "customer"
    NGO = "ngo"
    PROVIDER = "provider"
    ADMIN = "admin"
    SERVICE = "service"


INBOX_OWNERS = frozenset({UserType.CUSTOMER, UserType.NGO, UserType.PROVIDER, UserType.ADMIN})


class InvalidToken(Exception):
    """The token does not say who asks. `reason` is safe to show."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks, as their token says."""

    user_id: UUID
    user_type: UserType
    expires_at_s: float
    """Seconds since the epoch."""


class TokenVerifier:
    """Verify HS256 tokens; what was verified once is remembered until it expires."""

    def __init__(self, secret: str, *, now: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._now = now
        self._verified: LRUCache[str, Principal] = LRUCache(CACHED_TOKENS)

    def verify(self, token: str) -> Principal:
        """Return whose token this is. Raises InvalidToken."""
        known = self._verified.get(token)
        if known is None:
            known = _principal(self._decode(token))
            self._verified[token] = known
        if known.expires_at_s <= self._now():
            raise InvalidToken("the token has expired")
        return known

    def _decode(self, token: str) -> dict[str, Any]:
        if len(token) > MAX_TOKEN_BYTES:
            raise InvalidToken("the token is too long")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._secret,
                algorithms=["HS256"],
                options={
                    "require": ["exp", "sub"],
                    "verify_aud": False,
                    "verify_iss": False,
                    # A clock a moment ahead of ours is no reason to refuse a fresh token.
                    "verify_iat": False,
                },
            )
        except jwt.ExpiredSignatureError:
            raise InvalidToken("the token has expired") from None
        except jwt.InvalidTokenError as error:
            raise InvalidToken(f"the token is not valid: {error}") from None
        return claims


def _principal(claims: dict[str, Any]) -> Principal:
    try:
        user_id = UUID(claims["sub"])
    except ValueError:
        raise InvalidToken("the claim sub is not a UUID") from None
    try:
        user_type = UserType(str(claims.get("user_type")))
    except ValueError:
        raise InvalidToken("the claim user_type is missing or unknown") from None
    try:
        expires_at_s = float(claims["exp"])
    except OverflowError:
        raise InvalidToken("the claim exp is out of range") from None
    return Principal(user_id=user_id, user_type=user_type, expires_at_s=expires_at_s)


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
