"""Carry out deliveries: what becomes of a queued email, push or SMS.

While no channel has a provider there is one honest outcome, and it is recorded:
`{"status": "suppressed", "reason": "no_provider"}`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import structlog

from rules.kinds import Channel
from storage.client import StoreUnavailable
from storage.notifications import NotificationsRepository
from tasks.queue import DeliveryRef, EncodedRef
from tasks.runtime import LoopThread

log = structlog.get_logger(__name__)

CHUNK_DEADLINE_S = 30.0


def deliver_on(
    loop: LoopThread, notifications: NotificationsRepository
) -> Callable[[Sequence[EncodedRef]], None]:
    """Return what carries out the task `deliver`, for a thread of Huey's to call."""

    def handle(chunk: Sequence[EncodedRef]) -> None:
        refs = [DeliveryRef.decode(encoded) for encoded in chunk]
        try:
            loop.run(settle(refs, notifications), deadline_s=CHUNK_DEADLINE_S)
        except (StoreUnavailable, TimeoutError) as error:
            # They stay due, so the sweep queues them again.
            log.warning("delivery_put_off", deliveries=len(refs), error=type(error).__name__)

    return handle


async def settle(refs: Sequence[DeliveryRef], notifications: NotificationsRepository) -> int:
    """Record that nobody sends `refs`, and return how many were not settled before.

    One guarded update a channel, so a chunk that is carried out twice changes nothing twice.
    """
    by_channel: defaultdict[Channel, list[DeliveryRef]] = defaultdict(list)
    for ref in refs:
        by_channel[ref.channel].append(ref)
    settled = 0
    for channel, of_channel in by_channel.items():
        settled += await notifications.settle_unprovided(
            channel.value,
            [(ref.recipient_id, ref.notification_id) for ref in of_channel],
        )
    return settled
