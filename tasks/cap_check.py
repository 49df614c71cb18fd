"""Ask the daily caps about what is claimed, and give back what was not sent after all.

What was queued when it was made was counted then, and asking again changes nothing; what waited is
counted now, on the day on which it is sent (contract section 5).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from rules.caps import Reservation, capped
from rules.deliveries import DeliveryStatus, Reason, Settled
from rules.gates import NOW, Refusal
from rules.local_day import LocalDay
from rules.timezones import zone_of
from storage.redis import RedisUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from config.daily_caps import DailyCaps as CapTable
    from rules.kinds import Channel
    from rules.recipients import Recipient
    from storage.daily_caps import DailyCaps
    from storage.deliveries import DeliveriesRepository, Held

UNKNOWN_FOR = timedelta(seconds=15)
"""When a delivery is tried again of which nobody could tell whether it is over its cap."""

OVER_CAP = Settled(DeliveryStatus.SUPPRESSED, Refusal.DAILY_CAP)

log = structlog.get_logger(__name__)


class CapCheck:
    """The gate of the daily caps, at the moment of sending."""

    def __init__(self, table: CapTable, caps: DailyCaps, deliveries: DeliveriesRepository) -> None:
        self._table = table
        self._caps = caps
        self._deliveries = deliveries

    async def refusals(
        self,
        channel: Channel,
        claim: UUID,
        wanted: Sequence[tuple[Held, Recipient]],
        *,
        at: datetime,
    ) -> dict[UUID, Settled]:
        """Return which of `wanted` are not sent now and why, by id; the others are counted."""
        asked = [
            (held, reservation)
            for held, recipient in wanted
            if (reservation := self._reservation(channel, held, recipient, at)) is not None
        ]
        if not asked:
            return {}
        try:
            granted = await self._caps.reserve([reservation for _, reservation in asked])
        except RedisUnavailable:
            later = Settled(DeliveryStatus.DEFERRED, Reason.CAPS_UNKNOWN, at + UNKNOWN_FOR)
            return {held.row.id: later for held, _ in asked}
        counted = [
            (held.ref, reservation.day.date.isoformat())
            for (held, reservation), channels in zip(asked, granted, strict=True)
            # Where it is another day than that of the row, the row has to say which.
            if channels and not reservation.day.holds(held.row.created_at)
        ]
        await self._deliveries.charge(channel.value, claim, counted)
        return {
            held.row.id: OVER_CAP
            for (held, _), channels in zip(asked, granted, strict=True)
            if channel not in channels
        }

    async def give_back(
        self, channel: Channel, unsent: Iterable[tuple[Held, str]], *, at: datetime
    ) -> None:
        """Count no more what ended without having been sent, each with its recipient's zone."""
        unwanted = [
            (_counted(held, LocalDay.of(at, zone_of(zone))), (channel,))
            for held, zone in unsent
            if held.row.priority != "critical"
        ]
        if not unwanted:
            return
        try:
            await self._caps.give_back(unwanted)
        except RedisUnavailable as error:
            log.warning("caps_not_given_back", count=len(unwanted), reason=error.reason)

    def _reservation(
        self, channel: Channel, held: Held, recipient: Recipient, at: datetime
    ) -> Reservation | None:
        if held.row.priority == "critical":
            return None
        wanted = capped(self._table, recipient.user_type, {channel: NOW})
        if not wanted:
            return None
        day = LocalDay.of(at, zone_of(recipient.preferences.timezone))
        return Reservation(recipient.user_id, held.row.id, day, wanted)


def _counted(held: Held, day: LocalDay) -> Reservation:
    return Reservation(held.row.recipient_id, held.row.id, day, ())
