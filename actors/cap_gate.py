"""The gate of the daily caps, for what all others let through (contract section 5).

It is asked once it is known what is to be sent now: what waits is counted on the day that it is
sent. While Redis is away, email, push and SMS with a cap wait, and the app is held to what the
store counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from actors.draft import Draft
from config.daily_caps import NO_DAILY_CAPS
from config.daily_caps import DailyCaps as CapTable
from rules.caps import Reservation, capped, is_charged
from rules.deliveries import Reason
from rules.gates import Later, Refusal, Refused
from rules.kinds import Channel
from rules.local_day import LocalDay
from rules.timezones import zone_of
from storage.daily_caps import DailyCaps
from storage.notifications import NotificationRow
from storage.redis import RedisUnavailable

UNKNOWN_FOR = timedelta(seconds=15)
"""When a delivery is tried again of which nobody could tell whether it is over its cap."""

OVER_CAP = Refused(Refusal.DAILY_CAP)

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Reserved:
    """What a batch has reserved: notification id -> its reservation and the channels it got."""

    by_id: dict[UUID, tuple[Reservation, frozenset[Channel]]] = field(default_factory=dict)


class CapGate:
    """Changes the decisions of drafts to what the caps of their recipients allow."""

    def __init__(self, table: CapTable, caps: DailyCaps) -> None:
        self._table = table
        self._caps = caps
        self._counting = asyncio.Lock()

    @asynccontextmanager
    async def passed(self, drafts: Sequence[Draft], *, at: datetime) -> AsyncIterator[Reserved]:
        """Decide `drafts`, which are to be inserted inside.

        Raises StoreUnavailable, where the store had to be asked what has been sent.
        """
        asked = self._asked(drafts, at)
        if not asked:
            yield Reserved()
            return
        try:
            granted = await self._caps.reserve([reservation for _, reservation in asked])
        except RedisUnavailable:
            # One batch after the other, or each would not count what the others insert.
            async with self._counting:
                await self._decide_by_the_store(asked, at)
                yield Reserved()
            return
        reserved = Reserved()
        for (draft, reservation), channels in zip(asked, granted, strict=True):
            reserved.by_id[draft.id] = (reservation, channels)
            if len(channels) < len(reservation.wanted):
                over = [channel for channel, _ in reservation.wanted if channel not in channels]
                draft.change(dict.fromkeys(over, OVER_CAP))
        yield reserved

    async def give_back(
        self, reserved: Reserved, resumed: Sequence[tuple[Draft, NotificationRow]]
    ) -> None:
        """Give back what notifications of an earlier try reserved now without being sent now."""
        unwanted = []
        for draft, row in resumed:
            found = reserved.by_id.get(draft.id)
            if found is not None:
                reservation, channels = found
                unsent = [each for each in channels if not _counts(row, each, reservation.day)]
                if unsent:
                    unwanted.append((reservation, unsent))
        if not unwanted:
            return
        try:
            await self._caps.give_back(unwanted)
        except RedisUnavailable as error:
            log.warning("caps_not_given_back", count=len(unwanted), reason=error.reason)

    def _asked(self, drafts: Sequence[Draft], at: datetime) -> list[tuple[Draft, Reservation]]:
        if self._table == NO_DAILY_CAPS:
            return []
        days: dict[str, LocalDay] = {}
        asked = []
        for draft in drafts:
            recipient = draft.recipient
            if draft.notice.content.priority == "critical":
                continue
            wanted = capped(self._table, recipient.user_type, draft.decisions)
            if not wanted:
                continue
            timezone = recipient.preferences.timezone
            day = days.get(timezone)
            if day is None:
                day = days[timezone] = LocalDay.of(at, zone_of(timezone))
            is_led = draft.notice.is_refused_over_cap and wanted[0][0] is Channel.IN_APP
            asked.append((draft, Reservation(recipient.user_id, draft.id, day, wanted, is_led)))
        return asked

    async def _decide_by_the_store(
        self, asked: Sequence[tuple[Draft, Reservation]], at: datetime
    ) -> None:
        later = Later(at + UNKNOWN_FOR, Reason.CAPS_UNKNOWN.value)
        for draft, reservation in asked:
            waiting = [
                channel for channel, _ in reservation.wanted if channel is not Channel.IN_APP
            ]
            draft.change(dict.fromkeys(waiting, later))
        in_app = [
            (draft, reservation)
            for draft, reservation in asked
            if reservation.wanted[0][0] is Channel.IN_APP
        ]
        if not in_app:
            return
        self._caps.fall_behind()
        sent = await self._sent_in_app({each.user_id: each.day for _, each in in_app})
        for draft, reservation in in_app:
            known = sent[reservation.user_id]
            (_, cap) = reservation.wanted[0]
            if draft.id in known or len(known) < cap:
                known.add(draft.id)
            else:
                draft.change({Channel.IN_APP: OVER_CAP})

    async def _sent_in_app(self, days: Mapping[UUID, LocalDay]) -> dict[UUID, set[UUID]]:
        return {
            charges.user_id: {
                notification_id
                for notification_id, channels in charges.channels.items()
                if Channel.IN_APP in channels
            }
            for charges in await self._caps.sent(days)
        }


def _counts(row: NotificationRow, channel: Channel, day: LocalDay) -> bool:
    state = row.channels.get(channel.value)
    return state is not None and is_charged(
        state, day=day, created_at=row.created_at, is_critical=row.priority == "critical"
    )
