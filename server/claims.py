"""Read who asks from the claims of a token whose signature holds (RFC 7519 §4.1)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from server.auth import InvalidToken, Principal, UserType

NOT_BEFORE_TOLERANCE_S = 30.0
"""An issuer whose clock is a little ahead gives tokens that begin in a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRules:
    """What a token must say of who issued it and for whom; None leaves that open."""

    issuer: str | None = None
    audience: str | None = None

    def principal(self, claims: Mapping[str, Any], *, now_s: float) -> Principal:
        """Return who asks. Raises InvalidToken."""
        expires_at_s = _moment(claims, "exp")
        if expires_at_s is None:
            raise InvalidToken("the claim exp is missing")
        if expires_at_s <= now_s:
            raise InvalidToken("the token has expired")
        begins_at_s = _moment(claims, "nbf")
        if begins_at_s is not None and begins_at_s > now_s + NOT_BEFORE_TOLERANCE_S:
            raise InvalidToken("the token is not valid yet")
        if self.issuer is not None and claims.get("iss") != self.issuer:
            raise InvalidToken("the claim iss is missing or another")
        if self.audience is not None and self.audience not in _audiences(claims.get("aud")):
            raise InvalidToken("the claim aud is missing or another")
        user_id = _uuid(claims, "sub")
        if user_id is None:
            raise InvalidToken("the claim sub is missing")
        return Principal(
            user_id=user_id,
            user_type=_user_type(claims.get("user_type")),
            expires_at_s=expires_at_s,
            name=_text(claims, "name"),
            email=_text(claims, "email"),
            business_id=_uuid(claims, "business_id"),
        )


def _moment(claims: Mapping[str, Any], name: str) -> float | None:
    """Return a NumericDate: a JSON number of seconds since the epoch (RFC 7519 §2)."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidToken(f"the claim {name} is not a number")
    try:
        moment_s = float(value)
    except OverflowError:
        moment_s = math.inf
    if not math.isfinite(moment_s):
        raise InvalidToken(f"the claim {name} is out of range")
    return moment_s


def _audiences(value: Any) -> list[Any]:
    """Return whom the token is for: one, or a list (RFC 7519 §4.1.3)."""
    return value if isinstance(value, list) else [value]


def _user_type(value: Any) -> UserType:
    try:
        return UserType(value)
    except ValueError:
        raise InvalidToken("the claim user_type is missing or unknown") from None


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is None or isinstance(value, str):
        return value
    raise InvalidToken(f"the claim {name} is not text")


def _uuid(claims: Mapping[str, Any], name: str) -> UUID | None:
    value = _text(claims, name)
    if value is None:
        return None
    try:
        parsed = UUID(value)
    except ValueError:
        parsed = None
    # Python also takes braces, URNs and hyphens anywhere.
    if parsed is None or str(parsed) != value.lower():
        raise InvalidToken(f"the claim {name} is not a UUID")
    return parsed
