"""Find deliveries that nobody is about to send: forgotten, deferred until now, a dead worker's."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import redis
import structlog

from rules.deliveries import DeliveryStatus, abandoned
from storage.delivery_entries import Entry
from storage.filing import Heading
from tasks.pauses import ChannelPaused
from tasks.queue import CHUNK_REFS, DeliveryRef, Priority

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from rules.kinds import Channel
    from storage.deliveries import DeliveriesRepository, Ref
    from storage.positions import PositionClock
    from storage.unsent import Claimed, UnsentRepository
    from tasks.liveness import Liveness
    from tasks.pauses import Pauses
    from tasks.queue import DeliveryQueue

    Sending = Callable[[Channel, Sequence[Ref]], Awaitable[object]]

REDELIVER_AFTER = timedelta(seconds=60)
"""A delivery queued now is taken for forgotten when it is still queued after this."""

UNBEGUN_LOST_AFTER = timedelta(seconds=75)
"""What was claimed longer ago and is not begun nobody will begin: permits end after 45 s."""

LOST_AFTER = timedelta(seconds=180)
"""What was claimed longer ago nobody can be sending: permits end after 45 s, and providers are
waited for 30 s."""

AT_ONCE = 5 * CHUNK_REFS

PRIORITIES = {
    Heading.CRITICAL: Priority.CRITICAL,
    Heading.USUAL: Priority.USUAL,
    Heading.CAMPAIGN: Priority.CAMPAIGN,
}
"""As what is due is queued, in the order in which it is looked for."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """How many deliveries were queued again, and how many a dead worker had."""

    queued: int
    recovered: int

    def __bool__(self) -> bool:
        """Tell whether there was anything."""
        return bool(self.queued or self.recovered)

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.queued} deliveries queued, {self.recovered} taken from lost workers"


class DueDeliveries:
    """Queues what is due. Without a queue `send_here` sends it; where there is none it stays due.

    Of what is neither critical nor a dead worker's no more than keeps the channel's threads busy;
    what is on the queue for a campaign keeps them from nothing but other campaigns.
    """

    def __init__(
        self,
        *,
        unsent: UnsentRepository,
        deliveries: DeliveriesRepository,
        queue: DeliveryQueue,
        pauses: Pauses,
        liveness: Liveness,
        clock: PositionClock,
        busy_tasks: Mapping[Channel, int],
        send_here: Sending | None = None,
    ) -> None:
        self._unsent = unsent
        self._deliveries = deliveries
        self._queue = queue
        self._pauses = pauses
        self._liveness = liveness
        self._clock = clock
        self._busy_tasks = busy_tasks
        self._send_here = send_here

    async def look(self, channel: Channel, by: datetime) -> Found:
        """Look once for what is due by then on a channel. Raises StoreUnavailable."""
        try:
            await self._pauses.check(channel)
        except ChannelPaused:
            return Found(0, 0)
        recovered, again = await self._recover_lost(channel)
        queued = 0
        for priority, refs in again.items():
            queued += await self._queue_again(channel, refs, priority)
        for heading, priority in PRIORITIES.items():
            if priority is Priority.CRITICAL or not await self._is_busy(channel, priority):
                due = await self._unsent.due(channel.value, heading, before=by, limit=AT_ONCE)
                queued += await self._queue_again(channel, due, priority)
        return Found(queued, recovered)

    async def _is_busy(self, channel: Channel, down_to: Priority) -> bool:
        """Tell whether enough is on the queue that goes before something of that priority."""
        try:
            waiting = await asyncio.to_thread(self._queue.size, channel, down_to=down_to)
        except redis.RedisError:
            return False
        return waiting > self._busy_tasks[channel]

    async def _recover_lost(self, channel: Channel) -> tuple[int, Mapping[Priority, list[Ref]]]:
        """Take from dead workers what they had; return how many, and what is to be sent again."""
        recovered = 0
        again: defaultdict[Priority, list[Ref]] = defaultdict(list)
        while True:
            now = self._clock.store_now()
            claimed = await self._unsent.claimed(channel.value, before=now, limit=AT_ONCE)
            lost = [each for each in claimed if self._is_lost(each, now)]
            for each in await self._recover(channel, lost):
                priority = Priority.CRITICAL if each.is_critical else Priority.RECOVERED
                again[priority].append(each.ref)
            recovered += len(lost)
            if len(lost) < AT_ONCE:
                return recovered, again

    def _is_lost(self, claimed: Claimed, now: datetime) -> bool:
        """Tell whether `claimed` is a worker's that is gone."""
        lost_after = LOST_AFTER if claimed.is_begun else UNBEGUN_LOST_AFTER
        return self._liveness.is_gone(claimed.lease) or now - claimed.claimed_at > lost_after

    async def _recover(self, channel: Channel, lost: Sequence[Claimed]) -> list[Claimed]:
        """Take back what is `lost`; return what of it is to be sent again."""
        if not lost:
            return []
        now = self._clock.store_now()
        entries: defaultdict[UUID, list[Entry]] = defaultdict(list)
        again: list[Claimed] = []
        for each in lost:
            stands = abandoned(
                channel,
                attempts=each.attempts - each.forgiven,
                is_begun=each.is_begun,
                at=now,
            )
            entries[each.claim].append(
                Entry(
                    ref=each.ref,
                    stands=stands,
                    at=now,
                    attempt=each.attempts - 1 if each.is_begun else None,
                    error="the worker was lost" if each.is_begun else None,
                    is_uncertain=each.is_begun,
                )
            )
            if stands.status is DeliveryStatus.QUEUED:
                again.append(each)
        for claim, of_claim in entries.items():
            await self._deliveries.record(channel.value, claim, of_claim)
        log.warning("deliveries_recovered", channel=channel.value, count=len(lost))
        return again

    async def _queue_again(self, channel: Channel, refs: Sequence[Ref], priority: Priority) -> int:
        """Queue `refs` in chunks, as far as the queue takes them; return how many it took."""
        done = 0
        for start in range(0, len(refs), CHUNK_REFS):
            some = refs[start : start + CHUNK_REFS]
            # Before they are queued, because a worker takes only what is queued in the store.
            until = self._clock.store_now() + REDELIVER_AFTER
            await self._deliveries.requeue(channel.value, some, until=until)
            named = [DeliveryRef(channel, recipient_id, row_id) for recipient_id, row_id in some]
            if not await asyncio.to_thread(self._queue.enqueue, named, priority=priority):
                if self._send_here is None or not self._queue.is_away:
                    return done
                await self._send_here(channel, some)
            done += len(some)
        return done
