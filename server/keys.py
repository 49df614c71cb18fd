"""The keys that tokens are checked by; each is used with the one algorithm of its type.

A token names an algorithm and perhaps a key. Both only choose among the keys that there are: a key
is never tried with another algorithm than its own, so that a public key cannot pass for a secret.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import jwt
import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, RSAAlgorithm

from config.public_key import PublicKey, PublicKeyUnusable, algorithm_of, supported
from config.settings import Settings
from server.auth import InvalidToken

Algorithm = Literal["HS256", "RS256", "ES256"]

PUBLIC_KEY_ALGORITHMS: frozenset[str] = frozenset({"RS256", "ES256"})

MAX_TOKEN_BYTES = 8_192

MAX_PUBLISHED_KEYS = 32
"""A token that names no key is tried with all of them, at 0.1 ms each."""

KNOWN_HEADERS = 64
"""Tokens of one issuer begin alike; what else comes is bounded by `MAX_TOKEN_BYTES` each."""

KNOWN_SECRETS = 8
"""There is one in a process."""


class JwksUnusable(Exception):
    """The document is no JWK set (RFC 7517 §5)."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class TokenHeader:
    """What an unverified token says of its signature."""

    algorithm: str
    key_id: str | None


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """One key, and how it is used. Two are equal when they accept the same tokens."""

    algorithm: Algorithm
    material: str | PublicKey = field(repr=False)
    """The secret of HS256, or a public key."""
    key_id: str | None = None

    def fits(self, header: TokenHeader) -> bool:
        """Tell whether a token with this header may have been signed for this key."""
        is_named = header.key_id is None or self.key_id in {None, header.key_id}
        return is_named and self.algorithm == header.algorithm


def configured_keys(settings: Settings) -> tuple[VerificationKey, ...]:
    """Return the keys that the settings themselves hold."""
    keys: list[VerificationKey] = []
    if settings.jwt_secret is not None:
        keys.append(VerificationKey("HS256", settings.jwt_secret))
    if settings.jwt_public_key is not None:
        key = settings.jwt_public_key
        keys.append(VerificationKey(algorithm_of(key), key))
    return tuple(keys)


class _HmacOfKnownSecret(HMACAlgorithm):
    """HS256 that looks at a secret once, to see that it is no key of another kind.

    PyJWT tries to read it as three of those for each token, which is a third of what a token costs.
    """

    def __init__(self) -> None:
        super().__init__(HMACAlgorithm.SHA256)
        self.prepare_key = lru_cache(KNOWN_SECRETS)(super().prepare_key)  # type: ignore[method-assign]


def _signatures() -> jwt.PyJWS:
    """Return what checks signatures; claims are read by server/claims.py."""
    signatures = jwt.PyJWS(algorithms=sorted(PUBLIC_KEY_ALGORITHMS))
    signatures.register_algorithm("HS256", _HmacOfKnownSecret())
    return signatures


_SIGNATURES = _signatures()


def read_header(token: str) -> TokenHeader:
    """Return what `token` says of its signature. Raises InvalidToken."""
    if len(token) > MAX_TOKEN_BYTES:
        raise InvalidToken("the token is too long")
    segments = token.split(".")
    if len(segments) != 3 or not token.isascii():
        raise InvalidToken("the token is malformed")
    return _header(segments[0])


@lru_cache(KNOWN_HEADERS)
def _header(segment: str) -> TokenHeader:
    try:
        header = _SIGNATURES.get_unverified_header(f"{segment}..")
    except jwt.PyJWTError:
        raise InvalidToken("the token is malformed") from None
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or not isinstance(key_id, str | None):
        raise InvalidToken("the token is malformed")
    return TokenHeader(algorithm, key_id)


def signed_claims(
    token: str, keys: Iterable[VerificationKey]
) -> tuple[VerificationKey, dict[str, Any]] | None:
    """Return the first of `keys` by which the signature holds, and the claims; None for no key.

    Raises InvalidToken when the signature holds and what is signed is no object.
    """
    for key in keys:
        try:
            payload = _SIGNATURES.decode(token, key.material, algorithms=[key.algorithm])
        except jwt.InvalidSignatureError:
            continue
        except jwt.PyJWTError:
            raise InvalidToken("the token is malformed") from None
        return key, _claims(payload)
    return None


def _claims(payload: bytes) -> dict[str, Any]:
    try:
        claims = json.loads(payload)
    except (ValueError, RecursionError):
        claims = None
    if not isinstance(claims, dict):
        raise InvalidToken("the token is malformed")
    return claims


def read_jwks(document: bytes) -> tuple[VerificationKey, ...]:
    """Return the keys of a JWK set that tokens can be checked by. Raises JwksUnusable.

    Others are left out, as RFC 7517 §5 wants it: secrets, other types, sizes, curves and uses.
    """
    try:
        entries = orjson.loads(document)["keys"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise JwksUnusable("is no JWK set") from None
    if not isinstance(entries, list):
        raise JwksUnusable("is no JWK set")
    if len(entries) > MAX_PUBLISHED_KEYS:
        raise JwksUnusable(f"has more than {MAX_PUBLISHED_KEYS} keys")
    return tuple(key for key in map(_published_key, entries) if key is not None)


def _published_key(entry: Any) -> VerificationKey | None:
    if not isinstance(entry, dict) or not _is_for_signatures(entry):
        return None
    try:
        key = supported(_public_part(entry))
    except (PublicKeyUnusable, UnsupportedAlgorithm, jwt.PyJWTError, ValueError, TypeError):
        return None
    algorithm, key_id = algorithm_of(key), entry.get("kid")
    if entry.get("alg", algorithm) != algorithm or not isinstance(key_id, str | None):
        return None
    return VerificationKey(algorithm, key, key_id)


def _is_for_signatures(entry: dict[str, Any]) -> bool:
    operations = entry.get("key_ops", ["verify"])
    return entry.get("use", "sig") == "sig" and (
        isinstance(operations, list) and "verify" in operations
    )


def _public_part(entry: dict[str, Any]) -> object:
    """Return the public key; a private one that was published by mistake is not taken in."""
    match entry.get("kty"):
        case "RSA":
            members = {name: entry.get(name) for name in ("kty", "n", "e")}
            return RSAAlgorithm.from_jwk(members)
        case "EC":
            members = {name: entry.get(name) for name in ("kty", "crv", "x", "y")}
            return ECAlgorithm.from_jwk(members)
    return None
