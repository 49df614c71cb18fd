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
from rules.kinds import Channel
from storage.deliveries import Entry
from tasks.pauses import ChannelPaused
from tasks.queue import CHUNK_REFS, CRITICAL_PRIORITY, DeliveryRef

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from datetime import datetime

    from storage.deliveries import DeliveriesRepository, Due, Ref
    from storage.positions import PositionClock
    from tasks.liveness import Liveness
    from tasks.pauses import Pauses
    from tasks.queue import DeliveryQueue

    Sending = Callable[[Channel, Sequence[Ref]], Awaitable[object]]

REDELIVER_AFTER = timedelta(seconds=60)
"""A delivery queued now is taken for forgotten when it is still queued after this."""

LOOK_AGAIN_AFTER = timedelta(seconds=5)
"""When what a worker has had for half a minute is looked at again. Its death is noticed up to 80 s
after the last claim (a beat, its silence, a look), and redelivery may take 90 s."""

UNBEGUN_LOST_AFTER = timedelta(seconds=75)
"""What was claimed longer ago and is not begun nobody will begin: permits end after 45 s."""

LOST_AFTER = timedelta(seconds=180)
"""What was claimed longer ago nobody can be sending: permits end after 45 s, and providers are
waited for 30 s."""

CHANNELS = (Channel.SMS, Channel.PUSH, Channel.EMAIL)
"""The most urgent first."""

AT_ONCE = 5 * CHUNK_REFS

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
    """Queues what is due, of what is not critical no more than keeps workers busy.

    Without a queue `send_here` sends it; where there is none it stays due.
    """

    def __init__(
        self,
        *,
        deliveries: DeliveriesRepository,
        queue: DeliveryQueue,
        pauses: Pauses,
        liveness: Liveness,
        clock: PositionClock,
        busy_tasks: int,
        send_here: Sending | None = None,
    ) -> None:
        self._deliveries = deliveries
        self._queue = queue
        self._pauses = pauses
        self._liveness = liveness
        self._clock = clock
        self._busy_tasks = busy_tasks
        self._send_here = send_here

    async def look(self, by: datetime) -> Found:
        """Look once for what is due by then, on all channels. Raises StoreUnavailable."""
        queued = recovered = 0
        for channel in CHANNELS:
            try:
                await self._pauses.check(channel)
            except ChannelPaused:
                continue
            is_busy = await self._is_busy()
            due = await self._deliveries.due(channel.value, before=by, limit=AT_ONCE)
            if is_busy:
                # What is critical overtakes what keeps the workers busy; the rest waits for them.
                due = [each for each in due if each.is_critical]
            if due:
                now = self._clock.store_now()
                lost = [each for each in due if self._is_lost(each, now)]
                again = await self._recover(channel, lost)
                await self._put_off(channel, set(due) - set(lost))
                waiting = [each for each in due if each.status is not DeliveryStatus.SENDING]
                recovered += len(lost)
                queued += await self._queue_by_urgency(channel, [*waiting, *again])
        return Found(queued, recovered)

    async def _is_busy(self) -> bool:
        try:
            return await asyncio.to_thread(self._queue.size) > self._busy_tasks
        except redis.RedisError:
            return False

    def _is_lost(self, due: Due, now: datetime) -> bool:
        """Tell whether `due` was being sent by a worker that is gone."""
        if due.claim is None or due.lease is None or due.claimed_at is None:
            return False
        lost_after = LOST_AFTER if due.is_begun else UNBEGUN_LOST_AFTER
        return self._liveness.is_gone(due.lease) or now - due.claimed_at > lost_after

    async def _recover(self, channel: Channel, lost: Sequence[Due]) -> list[Due]:
        """Take from dead workers what they had; return what of it is to be sent again."""
        if not lost:
            return []
        now = self._clock.store_now()
        entries: defaultdict[UUID, list[Entry]] = defaultdict(list)
        again: list[Due] = []
        for each in lost:
            stands = abandoned(
                channel,
                attempts=each.attempts - each.forgiven,
                is_begun=each.is_begun,
                at=now,
            )
            assert each.claim is not None
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

    async def _put_off(self, channel: Channel, due: Iterable[Due]) -> None:
        """Look at what living workers are sending again in a while."""
        sending = [each.ref for each in due if each.status is DeliveryStatus.SENDING]
        until = self._clock.store_now() + LOOK_AGAIN_AFTER
        await self._deliveries.put_off(
            channel.value, sending, status=DeliveryStatus.SENDING, until=until
        )

    async def _queue_by_urgency(self, channel: Channel, due: Sequence[Due]) -> int:
        """Queue `due`, what is critical first; return how many the queue took."""
        urgent = [each for each in due if each.is_critical]
        others = [each for each in due if not each.is_critical]
        return await self._queue_again(
            channel, urgent, CRITICAL_PRIORITY
        ) + await self._queue_again(channel, others, 0)

    async def _queue_again(self, channel: Channel, due: Sequence[Due], priority: int) -> int:
        """Queue `due` in chunks, as far as the queue takes them; return how many it took."""
        done = 0
        for start in range(0, len(due), CHUNK_REFS):
            refs = [each.ref for each in due[start : start + CHUNK_REFS]]
            # Before they are queued, because a worker takes only what is queued in the store.
            until = self._clock.store_now() + REDELIVER_AFTER
            await self._deliveries.requeue(channel.value, refs, until=until)
            named = [DeliveryRef(channel, recipient_id, row_id) for recipient_id, row_id in refs]
            if not await asyncio.to_thread(self._queue.enqueue, named, priority=priority):
                if self._send_here is None or not self._queue.is_away:
                    return done
                await self._send_here(channel, refs)
            done += len(refs)
        return done
