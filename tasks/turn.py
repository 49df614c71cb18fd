"""Let one of all workers do what each could do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import redis

if TYPE_CHECKING:
    from datetime import timedelta


class Turn:
    """A job's turn, taken through Redis for a while.

    Without Redis every worker has it: jobs bear being done twice, and not being left undone.
    """

    def __init__(self, turns: redis.Redis, job: str, lasts: timedelta) -> None:
        self._turns = turns
        self._key = f"snb:turn:{job}"
        self._lasts_ms = int(lasts.total_seconds() * 1_000)

    async def is_ours(self) -> bool:
        """Take the turn unless somebody has it."""
        return await asyncio.to_thread(self._take)

    def _take(self) -> bool:
        try:
            return bool(self._turns.set(self._key, 1, nx=True, px=self._lasts_ms))
        except redis.RedisError:
            return True
