"""Say until when somebody is not to be disturbed (contract section 5).

The window is of wall time, from `start` up to but not including `end`, over midnight when `end` is
the earlier. Equal ends are an empty window: who wants silence all day has `mute_all`.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

A_DAY = timedelta(days=1)
A_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """When a user wants email, push and SMS to wait, in the user's own time zone."""

    is_enabled: bool = True
    start: time = time(22)
    end: time = time(7)

    def covers(self, wall: time) -> bool:
        """Tell whether clocks that show `wall` are within the window, enabled or not."""
        if self.start <= self.end:
            return self.start <= wall < self.end
        return wall >= self.start or wall < self.end


DEFAULT_QUIET_HOURS = QuietHours()


# The recipients of a batch are decided at one instant, and most have the same hours and zone: asked
# anew it takes 15 us each.
@lru_cache(maxsize=256)
def quiet_until(hours: QuietHours, zone: ZoneInfo, at: datetime) -> datetime | None:
    """Return the first instant from `at` on whose wall time is outside the window, in UTC.

    None when `at` itself is outside. Where clocks go forward over the end, it is the moment they
    do; where they go back over it, it is the first time that they show it.
    """
    local = at.astimezone(zone)
    if not hours.is_enabled or not hours.covers(local.time()):
        return None
    moment = at.astimezone(UTC)
    while hours.covers(local.time()):
        ends = moment + _until(local.time(), hours.end)
        moment = _first_shift(zone, moment, ends) or ends
        local = moment.astimezone(zone)
    return moment


def _until(wall: time, end: time) -> timedelta:
    """Return how long clocks that show `wall` take to show `end`, left to run."""
    return (_since_midnight(end) - _since_midnight(wall)) % A_DAY


def _since_midnight(wall: time) -> timedelta:
    return timedelta(
        hours=wall.hour,
        minutes=wall.minute,
        seconds=wall.second,
        microseconds=wall.microsecond,
    )


def _first_shift(zone: ZoneInfo, start: datetime, end: datetime) -> datetime | None:
    """Return when clocks are shifted after `start` and not after `end`, None when they are not.

    By halving, since zoneinfo does not tell: no zone shifts its clocks twice within a day (in
    2020 to 2030 the shortest time between is 28 days). Shifts are at whole seconds.
    """
    offset = start.astimezone(zone).utcoffset()
    if end.astimezone(zone).utcoffset() == offset:
        return None
    begin = start.replace(microsecond=0)

    def is_shifted(seconds: int) -> bool:
        return (begin + seconds * A_SECOND).astimezone(zone).utcoffset() != offset

    return begin + A_SECOND * bisect_left(range((end - begin) // A_SECOND), True, key=is_shifted)
