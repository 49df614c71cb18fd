"""Remember the addresses that a provider has called dead, so that nothing goes there again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from rules.deliveries import Outcome, Permanent, Reason
from storage.client import StoreUnavailable
from tasks.letter import Destination, Device, EmailAddress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rules.kinds import Channel
    from storage.devices import DevicesRepository
    from storage.reachability import Reachability
    from tasks.letter import Letter

DEAD = frozenset({Reason.ADDRESS_GONE, Reason.OPTED_OUT})

log = structlog.get_logger(__name__)


class DeadAddresses:
    """Loses addresses, and deactivates devices."""

    def __init__(self, reachability: Reachability, devices: DevicesRepository) -> None:
        self._reachability = reachability
        self._devices = devices

    async def note(
        self,
        channel: Channel,
        letter: Letter,
        outcomes: Sequence[tuple[Destination, Outcome | None]],
        *,
        at: datetime,
    ) -> None:
        """Take in how `letter` went; a store that is away is no error, the provider tells again."""
        for to, outcome in outcomes:
            if not isinstance(outcome, Permanent) or outcome.reason not in DEAD:
                continue
            try:
                await self._bury(channel, letter, to, outcome.reason, at)
            except StoreUnavailable as error:
                log.warning(
                    "dead_address_not_noted",
                    channel=channel.value,
                    notification_id=str(letter.notification_id),
                    reason=error.reason,
                )

    async def _bury(
        self, channel: Channel, letter: Letter, to: Destination, reason: Reason, at: datetime
    ) -> None:
        if isinstance(to, Device):
            await self._devices.deactivate(letter.recipient_id, to.id)
            return
        address = to.address if isinstance(to, EmailAddress) else to.number
        await self._reachability.lose(
            channel.value, address, reason=reason, user_id=letter.recipient_id, at=at
        )
