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
    """Tokens are not minted here."""

    def __init__(self, variable: str, reason: str) -> None:
        super().__init__(f"{variable}: {reason}")
        self.variable = variable
        self.reason = reason


def mint(
    settings: Settings,
    sub: UUID,
    user_type: UserType,
    *,
    name: str | None = None,
    business_id: UUID | None = None,
    valid_for: timedelta = DEFAULT_VALIDITY,
) -> str:
    """Return a signed token for `sub` (contract section 1).

    Raises TokensRefused in production, and where there is no secret to sign with.
    """
    if settings.is_production:
        raise TokensRefused("SNB_ENV", "tokens are minted in development only")
    if settings.jwt_secret is None:
        raise TokensRefused("SNB_JWT_SECRET", "must be set, too, where tokens are to be minted")
    now_s = int(time.time())
    claims: dict[str, str | int] = {
        "sub": str(sub),
        "user_type": user_type.value,
        "iat": now_s,
        "exp": now_s + int(valid_for.total_seconds()),
    }
    optional = {
        "name": name,
        "business_id": None if business_id is None else str(business_id),
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_audience,
    }
    claims |= {claim: value for claim, value in optional.items() if value is not None}
    return jwt.encode(claims, settings.jwt_secret, algorithm="HS256")
