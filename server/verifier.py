"""Verify tokens: find a key, check the signature, then the claims (contract section 1)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from cachetools import LRUCache

from config.settings import Settings
from server.auth import InvalidToken, KeysUnavailable, Principal
from server.claims import ClaimRules
from server.jwks import PublishedKeys
from server.keys import (
    PUBLIC_KEY_ALGORITHMS,
    TokenHeader,
    VerificationKey,
    configured_keys,
    read_header,
    signed_claims,
)

CACHED_TOKENS = 20_000
"""Verified tokens kept: twice the connections that one process is built for."""


class Verified(NamedTuple):
    """What is remembered of a token."""

    principal: Principal
    key: VerificationKey


class TokenVerifier:
    """Says whose a token is; one that was verified is remembered until it expires.

    It is forgotten earlier when the issuer no longer publishes the key that it was signed for.
    """

    def __init__(
        self,
        keys: Sequence[VerificationKey],
        *,
        published: PublishedKeys | None = None,
        rules: ClaimRules | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._configured = tuple(keys)
        self._published = published
        self._rules = rules or ClaimRules()
        self._now = now
        self._verified: LRUCache[str, Verified] = LRUCache(CACHED_TOKENS)
        if published is not None:
            published.on_change = self._forget_withdrawn

    def start(self) -> None:
        """Begin to read published keys, if there are any to be had; nobody waits for it."""
        if self._published is not None:
            self._published.start()

    async def close(self) -> None:
        """Read no more keys."""
        if self._published is not None:
            await self._published.close()

    def find_verified(self, token: str) -> Principal | None:
        """Return whose token this is when it was verified before and has not expired."""
        known = self._verified.get(token)
        if known is None:
            return None
        if known.principal.expires_at_s <= self._now():
            del self._verified[token]
            return None
        return known.principal

    async def verify(self, token: str) -> Principal:
        """Return whose token this is; waits only for a key that was never seen.

        Raises InvalidToken, and KeysUnavailable while published keys have never been read.
        """
        known = self.find_verified(token)
        if known is not None:
            return known
        header = read_header(token)
        signed = signed_claims(token, self._fitting(header))
        if signed is None and self._published is not None and self._may_be_new(header):
            await self._published.refresh_for_unknown_key()
            signed = signed_claims(token, self._fitting(header))
            if signed is None and not self._published.has_answered:
                raise KeysUnavailable
        if signed is None:
            raise InvalidToken("the token is not signed by a key that is accepted")
        return self._remember(token, *signed)

    def _fitting(self, header: TokenHeader) -> list[VerificationKey]:
        published = self._published.fitting(header) if self._published is not None else []
        return [key for key in self._configured if key.fits(header)] + published

    def _may_be_new(self, header: TokenHeader) -> bool:
        """Tell whether the issuer may have published the token's key since the set was read."""
        assert self._published is not None
        return header.algorithm in PUBLIC_KEY_ALGORITHMS and not any(
            key.key_id is not None and key.key_id == header.key_id
            for key in self._published.fitting(header)
        )

    def _remember(self, token: str, key: VerificationKey, claims: dict[str, Any]) -> Principal:
        principal = self._rules.principal(claims, now_s=self._now())
        self._verified[token] = Verified(principal, key)
        return principal

    def _forget_withdrawn(self) -> None:
        assert self._published is not None
        # By identity: comparing 20,000 tokens' keys by value would hold the loop for 0.1 s.
        accepted = {id(key) for key in (*self._configured, *self._published.keys)}
        withdrawn = [
            token for token, known in self._verified.items() if id(known.key) not in accepted
        ]
        for token in withdrawn:
            del self._verified[token]


def verifier_for(settings: Settings) -> TokenVerifier:
    """Return the verifier that the settings describe; it is not started."""
    url = settings.jwt_jwks_url
    return TokenVerifier(
        configured_keys(settings),
        published=PublishedKeys(url) if url is not None else None,
        rules=ClaimRules(issuer=settings.jwt_issuer, audience=settings.jwt_audience),
    )
