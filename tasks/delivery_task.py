"""The task `deliver`: from a chunk on the queue to the worker's event loop."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import structlog

from storage.client import StoreUnavailable
from tasks.queue import DeliveryRef, EncodedRef

if TYPE_CHECKING:
    from rules.kinds import Channel
    from storage.deliveries import Ref
    from tasks.delivery import Deliverer
    from tasks.runtime import LoopThread

CHUNK_DEADLINE_S = 120.0
"""A permit of 45 s, a provider's 30 s after it, and as much again for the store."""

log = structlog.get_logger(__name__)


def deliver_on(loop: LoopThread, deliverer: Deliverer) -> Callable[[Sequence[EncodedRef]], None]:
    """Return what carries out the task `deliver`, for a thread of Huey's to call."""

    def handle(chunk: Sequence[EncodedRef]) -> None:
        refs = [DeliveryRef.decode(encoded) for encoded in chunk]
        try:
            loop.run(_carry_out(deliverer, refs), deadline_s=CHUNK_DEADLINE_S)
        except (StoreUnavailable, TimeoutError) as error:
            # They stay due, so they are found again.
            log.warning("delivery_put_off", deliveries=len(refs), error=type(error).__name__)

    return handle


async def _carry_out(deliverer: Deliverer, refs: Sequence[DeliveryRef]) -> None:
    by_channel: defaultdict[Channel, list[Ref]] = defaultdict(list)
    for ref in refs:
        by_channel[ref.channel].append((ref.recipient_id, ref.notification_id))
    results = await asyncio.gather(
        *(deliverer.carry_out(channel, of_channel) for channel, of_channel in by_channel.items()),
        return_exceptions=True,
    )
    # Each channel is finished before any failure is told of.
    for result in results:
        if isinstance(result, BaseException):
            raise result
