"""The counts of one day's notifications, and how they are added up (contract section 2.6).

A notification is of the day on which it was made, whatever day it is read or delivered on: so
rates are shares of the same notifications. It counts as engagement once it went out on any channel.
It is clicked when it, a button or a link of it was, in the app or in a mail, and read when it was
read in the app or clicked.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from rules.delivery_counts import DeliveryCounts
from rules.engagement import NOTHING_RECEIVED, Engagement
from rules.fates import Fate
from rules.insights import COUNTED_FOR_BUSINESSES, BusinessCounts
from rules.kinds import KINDS, Channel
from rules.opt_outs import Way

NO_DELIVERIES = DeliveryCounts()

_Key = TypeVar("_Key", bound=Hashable)
_Count = TypeVar("_Count", DeliveryCounts, Engagement)


class GroupBy(StrEnum):
    """By what counts are told apart."""

    CHANNEL = "channel"
    TYPE = "type"
    DAY = "day"


@dataclass(slots=True)
class DayCounts:
    """What is counted of one day; what is not there is nothing."""

    deliveries: dict[tuple[str, Channel], DeliveryCounts] = field(default_factory=dict)
    """(kind, channel) -> counts."""

    engagement: dict[str, Engagement] = field(default_factory=dict)
    """Kind -> notifications that went out."""

    engagement_by_channel: dict[Channel, Engagement] = field(default_factory=dict)
    """Channel -> notifications that went out on it, perhaps among others."""

    businesses: dict[UUID, BusinessCounts] = field(default_factory=dict)
    """Whose notifications went out; as they are kept apart, they are not always asked for."""

    opt_outs: dict[tuple[str, Way], int] = field(default_factory=dict)
    """(what was switched off, how) -> how often."""

    def add(self, fate: Fate, count: int) -> None:
        """Count `count` notifications that all had `fate`."""
        for channel, status in fate.statuses.items():
            _add(self.deliveries, (fate.kind, channel), DeliveryCounts.of(status, count))
        channels = fate.went_out_by
        if not channels:
            return
        engagement = Engagement(count, count * fate.is_read, count * fate.is_clicked)
        _add(self.engagement, fate.kind, engagement)
        for channel in channels:
            _add(self.engagement_by_channel, channel, engagement)
        if fate.business_id is not None and fate.kind in COUNTED_FOR_BUSINESSES:
            business = self.businesses.setdefault(fate.business_id, BusinessCounts())
            business.add(engagement, fate.read_quarter)


def deliveries_by(
    group_by: GroupBy, days: Mapping[date, DayCounts]
) -> list[tuple[str, DeliveryCounts]]:
    """Return key and counts of each group, those of which there is nothing too."""
    counted: dict[str, DeliveryCounts] = dict.fromkeys(_keys(group_by, days), NO_DELIVERIES)
    key_of: Callable[[date, str, Channel], str] = {
        GroupBy.CHANNEL: lambda _day, _kind, channel: channel.value,
        GroupBy.TYPE: lambda _day, kind, _channel: kind,
        GroupBy.DAY: lambda day, _kind, _channel: day.isoformat(),
    }[group_by]
    for day, counts in days.items():
        for (kind, channel), deliveries in counts.deliveries.items():
            _add(counted, key_of(day, kind, channel), deliveries)
    return list(counted.items())


def engagement_by(
    group_by: GroupBy, days: Mapping[date, DayCounts]
) -> list[tuple[str, Engagement]]:
    """Return key and engagement of each group, those of which there is nothing too.

    What went out on several channels counts in the group of each.
    """
    counted: dict[str, Engagement] = dict.fromkeys(_keys(group_by, days), NOTHING_RECEIVED)
    for day, counts in days.items():
        if group_by is GroupBy.CHANNEL:
            for channel, engagement in counts.engagement_by_channel.items():
                _add(counted, channel.value, engagement)
            continue
        for kind, engagement in counts.engagement.items():
            key = kind if group_by is GroupBy.TYPE else day.isoformat()
            _add(counted, key, engagement)
    return list(counted.items())


def _keys(group_by: GroupBy, days: Iterable[date]) -> list[str]:
    if group_by is GroupBy.CHANNEL:
        return [channel.value for channel in Channel]
    if group_by is GroupBy.TYPE:
        return list(KINDS)
    return [day.isoformat() for day in days]


def _add(counted: dict[_Key, _Count], key: _Key, count: _Count) -> None:
    counted[key] = counted[key] + count if key in counted else count
