"""What would become of a notification, channel by channel, if it were made at some time.

Asks what the gates ask, and changes nothing: nothing is sent, and nothing is counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from config.daily_caps import DailyCaps
from rules.caps import capped
from rules.gates import NOW
from rules.kinds import Channel, Kind
from rules.local_day import LocalDay
from rules.timezones import zone_of
from rules.verdicts import GateVerdict, Question, verdicts
from storage.stores import Stores
from storage.users import UserNotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """What every gate would say on one channel; `sent` of `cap` are counted on the day."""

    channel: Channel
    gates: Sequence[GateVerdict]
    sent: int
    cap: int | None


class Simulation:
    """Asks the store what the gates have to know."""

    def __init__(self, stores: Stores, caps: DailyCaps) -> None:
        self._stores = stores
        self._caps = caps

    async def run(
        self, user_id: UUID, kind: Kind, *, at: datetime, is_critical: bool
    ) -> list[Simulated]:
        """Return what the gates would say, on all channels of `kind`.

        Raises UserNotFound, StoreUnavailable.
        """
        known = await self._stores.users.recipients([user_id])
        if user_id not in known:
            raise UserNotFound(user_id)
        recipient = known[user_id]
        caps = dict(capped(self._caps, recipient.user_type, dict.fromkeys(kind.channels, NOW)))
        day = LocalDay.of(at, zone_of(recipient.preferences.timezone))
        sent = await self._sent(user_id, day)
        return [
            Simulated(
                channel=channel,
                gates=verdicts(
                    Question(
                        kind=kind,
                        channel=channel,
                        recipient=recipient,
                        at=at,
                        is_critical=is_critical,
                        has_cap=channel in caps,
                        is_over_cap=channel in caps and sent.get(channel, 0) >= caps[channel],
                    )
                ),
                sent=sent.get(channel, 0),
                cap=caps.get(channel),
            )
            for channel in kind.channels
        ]

    async def _sent(self, user_id: UUID, day: LocalDay) -> Mapping[Channel, int]:
        """Return how many count on `day`, by what the store says."""
        (charges,) = await self._stores.charges.on({user_id: day})
        counts: dict[Channel, int] = {}
        for channels in charges.channels.values():
            for channel in channels:
                counts[channel] = counts.get(channel, 0) + 1
        return counts
