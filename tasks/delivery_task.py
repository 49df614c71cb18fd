"""The task `deliver`: from a chunk on the queue to the worker's event loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from storage.client import StoreUnavailable

if TYPE_CHECKING:
    from rules.kinds import Channel
    from tasks.delivery import Deliverer
    from tasks.queue import CarryOut, EncodedRef
    from tasks.runtime import LoopThread

CHUNK_DEADLINE_S = 120.0
"""A permit of 45 s, a provider's 30 s after it, and as much again for the store."""

log = structlog.get_logger(__name__)


def deliver_on(loop: LoopThread, deliverer: Deliverer) -> CarryOut:
    """Return what carries out the task `deliver`, for a thread of Huey's to call."""

    def carry_out(channel: Channel, chunk: Sequence[EncodedRef]) -> None:
        refs = [(UUID(recipient_id), UUID(row_id)) for recipient_id, row_id in chunk]
        try:
            loop.run(deliverer.carry_out(channel, refs), deadline_s=CHUNK_DEADLINE_S)
        except (StoreUnavailable, TimeoutError) as error:
            # They stay due, so they are found again.
            log.warning(
                "delivery_put_off",
                channel=channel.value,
                deliveries=len(refs),
                error=type(error).__name__,
            )

    return carry_out
