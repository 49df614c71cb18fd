"""Ask the limiter for requests and handshakes (contract section 2.9)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from uuid import UUID, uuid5

from pykka import ActorDeadError

from actors.limiter import Limiter
from actors.loop_ref import DeadlineExceeded, LoopActorRef
from actors.mailbox import MailboxFull
from config.rate_limits import RateLimits
from rules.rate_limits import (
    Check,
    RateLimit,
    RateScope,
    Standing,
    limits_of_anybody,
    limits_of_handshakes,
    limits_of_user,
)
from server.auth import Principal, UserType

ANSWER_WITHIN_S = 5.0
"""A batch that finds Redis away takes one second, and there may be one before ours."""

ADDRESSES = UUID("0adde550-0000-4000-8000-000000000000")
"""Namespace of the ids by which addresses are counted: they are nowhere kept as such."""


class RateLimiting:
    """Counts what callers ask; None for a standing says that nothing limits them."""

    def __init__(self, table: RateLimits, limiter: Callable[[], LoopActorRef[Limiter]]) -> None:
        self._limiter = limiter
        self._of_anybody = limits_of_anybody(table)
        self._of_handshakes = limits_of_handshakes(table)
        self._of_users = {
            (user_type, scope): limits_of_user(table, user_type.value, scope)
            for user_type in UserType
            for scope in RateScope
        }

    async def count(self, principal: Principal, scope: RateScope) -> Standing | None:
        """Count a request of `principal`, unless it is refused."""
        limits = self._of_users[principal.user_type, scope]
        return await self._ask(Check(principal.user_id, limits))

    async def count_anybody(self, address: str) -> Standing | None:
        """Count a request of whoever is at `address`, unless it is refused."""
        return await self._ask_about(address, self._of_anybody)

    async def look_at_handshakes(self, address: str) -> Standing | None:
        """Tell whether `address` may try to authenticate, counting nothing."""
        return await self._ask_about(address, self._of_handshakes, is_counted=False)

    async def count_failed_authentication(self, address: str) -> None:
        """Count a token on a socket that was not good; it is refused in any case."""
        with contextlib.suppress(ActorDeadError, MailboxFull, DeadlineExceeded):
            await self._ask_about(address, self._of_handshakes)

    async def _ask_about(
        self, address: str, limits: tuple[RateLimit, ...], *, is_counted: bool = True
    ) -> Standing | None:
        if not limits:
            return None
        return await self._ask(Check(_id_of(address), limits, is_counted=is_counted))

    async def _ask(self, check: Check) -> Standing | None:
        if not check.limits:
            return None
        standing: Standing = await self._limiter().request(check, deadline_s=ANSWER_WITHIN_S)
        return standing


def _id_of(address: str) -> UUID:
    return uuid5(ADDRESSES, address)
