"""Mint tokens for development; in production the platform alone says who is who."""

from __future__ import annotations

import time
from datetime import timedelta
from uuid import UUID

import jwt

from config.settings import Settings
from server.auth import UserType

DEFAULT_VALIDITY = timedelta(hours=24)


class TokensRefused(Exception):
    """Tokens are not minted in production."""

    def __init__(self) -> None:
        super().__init__("SNB_ENV: tokens are minted in development only")


def mint(
    settings: Settings,
    sub: UUID,
    user_type: UserType,
    *,
    name: str | None = None,
    business_id: UUID | None = None,
    valid_for: timedelta = DEFAULT_VALIDITY,
) -> str:
    """Return a signed token for `sub` (contract section 1); raises TokensRefused in production."""
    if settings.is_production:
        raise TokensRefused
    now_s = int(time.time())
    claims: dict[str, str | int] = {
        "sub": str(sub),
        "user_type": user_type.value,
        "iat": now_s,
        "exp": now_s + int(valid_for.total_seconds()),
    }
    if name is not None:
        claims["name"] = name
    if business_id is not None:
        claims["business_id"] = str(business_id)
    return jwt.encode(claims, settings.jwt_secret, algorithm="HS256")
