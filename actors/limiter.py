"""The actor that says how often callers may ask: all checks that wait are one round trip to Redis.

    shared ── Redis away ──> local ── a probe got through ──> shared

While Redis is away it counts in this process, with the same numbers, and asks in the background
whether Redis is back: at the first request after a second, so that no request waits for that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import structlog

from actors.asked import Asked
from actors.batch_actor import BatchActor
from actors.local_windows import LocalWindows
from rules.rate_limits import Check, Standing
from storage.rate_windows import RateWindows
from storage.redis import RedisUnavailable

PROBE_EVERY_S = 1.0

log = structlog.get_logger(__name__)


class Limiter(BatchActor[Check]):
    """Answers each `Check` with the caller's `Standing`."""

    def __init__(
        self, windows: RateWindows, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._shared = windows
        self._local = LocalWindows()
        self._monotonic = monotonic
        self._away_since_s: float | None = None
        self._probed_at_s = 0.0
        self._probe: asyncio.Task[None] | None = None

    async def on_receive_many(self, messages: Sequence[Asked[Check]]) -> None:
        """Decide all that waits, oldest first."""
        standings = await self._decide([asked.message for asked in messages])
        for asked, standing in zip(messages, standings, strict=True):
            asked.reply(standing)

    async def on_stop(self) -> None:  # type: ignore[override]
        """Ask no more for Redis."""
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.wait([self._probe])

    async def _decide(self, checks: Sequence[Check]) -> list[Standing]:
        if self._away_since_s is None:
            try:
                return await self._shared.check(checks)
            except RedisUnavailable as error:
                log.warning("rate_limits_are_local", reason=error.reason)
                self._away_since_s = self._probed_at_s = self._monotonic()
        now_s = self._monotonic()
        if self._probe is None and now_s - self._probed_at_s >= PROBE_EVERY_S:
            self._probe = asyncio.create_task(self._look_for_redis(), name="rate limit probe")
        return [self._local.check(check, now_s) for check in checks]

    async def _look_for_redis(self) -> None:
        try:
            await self._shared.probe()
        except RedisUnavailable:
            self._probed_at_s = self._monotonic()
        else:
            assert self._away_since_s is not None
            away_s = round(self._monotonic() - self._away_since_s, 1)
            log.info("rate_limits_are_shared_again", away_s=away_s)
            self._away_since_s = None
        finally:
            self._probe = None
