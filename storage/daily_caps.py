"""Count notifications to the caps of a day, on whatever Redis remembers and the store knows.

    caps = DailyCaps(CapLedger(redis), ChargesRepository(database), clock)
    granted = await caps.reserve(reservations)      # channels, reservation by reservation

An ordinary day costs one round trip to Redis for a batch and no query of the store. What Redis has
forgotten is read from the store, user by user and day by day, before it is trusted again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import structlog

from rules.caps import Reservation
from rules.kinds import Channel
from rules.local_day import LocalDay
from storage.cap_ledger import CapLedger, Charges, Forgotten
from storage.charges import ChargesRepository
from storage.positions import PositionClock
from storage.redis import RedisUnavailable

SETTLES_WITHIN_S = 2.0
"""How long what was reserved before Redis forgot it may take to get into the store."""

TRIES = 4
"""Each can only fail because Redis has forgotten once more."""

AWAY_FOR_S = 1.0
"""How long after it did not answer Redis is not asked again, so that few wait for it."""

log = structlog.get_logger(__name__)


class DailyCaps:
    """The caps of one process."""

    def __init__(
        self,
        ledger: CapLedger,
        charges: ChargesRepository,
        clock: PositionClock,
        *,
        settles_within_s: float = SETTLES_WITHIN_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._charges = charges
        self._clock = clock
        self._settles_within_s = settles_within_s
        self._monotonic = monotonic
        self._away_until_s: float | None = None
        self._is_behind = False

    async def begin(self, *, is_first: bool) -> None:
        """Say from when on nothing is forgotten, unless somebody did; `is_first`: ever."""
        try:
            await self._ledger.trust_from(0 if is_first else self._now_ms())
        except RedisUnavailable as error:
            log.warning("caps_cannot_be_counted", reason=error.reason)

    async def reserve(self, reservations: Sequence[Reservation]) -> list[frozenset[Channel]]:
        """Return on which channels each one counts now, in order.

        Raises RedisUnavailable, and StoreUnavailable where the store had to be asked.
        """
        if self._away_until_s is not None and self._monotonic() < self._away_until_s:
            raise RedisUnavailable("away a moment ago")
        try:
            found = await self._reserve(reservations)
        except RedisUnavailable as error:
            if self._away_until_s is None:
                log.warning("caps_cannot_be_counted", reason=error.reason)
            self._away_until_s = self._monotonic() + AWAY_FOR_S
            raise
        if self._away_until_s is not None:
            self._away_until_s = None
            log.info("caps_are_counted_again")
        return found

    async def give_back(self, unwanted: Iterable[tuple[Reservation, Iterable[Channel]]]) -> None:
        """Count these notifications on those channels no more. Raises RedisUnavailable."""
        await self._ledger.give_back(unwanted)

    async def sent(self, days: Mapping[UUID, LocalDay]) -> list[Charges]:
        """Return what the store says of these users' days. Raises StoreUnavailable."""
        return await self._charges.on(days)

    def fall_behind(self) -> None:
        """Note that something counts of which Redis was not told: it is to be read again."""
        self._is_behind = True

    async def _reserve(self, reservations: Sequence[Reservation]) -> list[frozenset[Channel]]:
        if self._is_behind:
            await self._catch_up()
        found: dict[int, frozenset[Channel]] = {}
        left = list(range(len(reservations)))
        for _ in range(TRIES):
            answers = await self._ledger.reserve([reservations[place] for place in left])
            forgotten: dict[int, Forgotten] = {}
            for place, answer in zip(left, answers, strict=True):
                if isinstance(answer, Forgotten):
                    forgotten[place] = answer
                else:
                    found[place] = answer
            if not forgotten:
                return [found[place] for place in range(len(reservations))]
            await self._remember([(reservations[at], each) for at, each in forgotten.items()])
            left = list(forgotten)
        raise RedisUnavailable("it forgets what it is told")

    async def _catch_up(self) -> None:
        self._is_behind = False
        try:
            await self._ledger.distrust_before(self._now_ms())
        except RedisUnavailable:
            self._is_behind = True
            raise

    async def _remember(self, forgotten: Sequence[tuple[Reservation, Forgotten]]) -> None:
        markers = [each.since_ms for _, each in forgotten if each.since_ms is not None]
        if len(markers) < len(forgotten):
            log.warning("caps_were_forgotten")
            await self._ledger.trust_from(self._now_ms())
            return
        # Whoever had reserved when Redis forgot may still be inserting.
        age_s = (self._now_ms() - max(markers)) / 1000
        await asyncio.sleep(max(0.0, self._settles_within_s - max(0.0, age_s)))
        for day in dict.fromkeys(each.day for each, _ in forgotten):
            since = {
                each.user_id: marker.since_ms or 0 for each, marker in forgotten if each.day == day
            }
            charges = await self._charges.on(dict.fromkeys(since, day))
            await self._ledger.restore((each, since[each.user_id]) for each in charges)

    def _now_ms(self) -> int:
        now: datetime = self._clock.store_now()
        return int(now.timestamp() * 1000)
