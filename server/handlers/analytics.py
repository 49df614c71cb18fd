"""How notifications do, counted by day, kind and channel (contract section 2.6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from rules.day_counts import DayCounts, GroupBy, deliveries_by, engagement_by
from rules.days import Days, day_of
from rules.opt_outs import Way
from server.auth import ADMINS
from server.errors import ValidationFailed
from server.handlers.base import ApiHandler
from server.operation import Operation
from server.schemas.analytics import (
    COUNTS_QUERY,
    SPAN_QUERY,
    DeliveryCountsSchema,
    EngagementCounts,
    OptOutCounts,
)

DEFAULT_DAYS = 30
MOST_DAYS = 366


class DeliveriesHandler(ApiHandler):
    """`GET /api/analytics/deliveries/`."""

    roles = {"GET": ADMINS}
    operations = {"GET": Operation(query=COUNTS_QUERY, answers={200: DeliveryCountsSchema})}

    async def get(self) -> None:
        """Count deliveries, by channel, by kind or by the day that their notification was made."""
        asked = self.query()
        days = span(asked, today=self.service.statistics.today())
        group_by = GroupBy(asked["group_by"])
        counted = deliveries_by(group_by, await self.service.statistics.of(days))
        results = [{"key": key, **asdict(counts)} for key, counts in counted]
        self.answer({**_said(days), "group_by": group_by, "results": results})


class EngagementHandler(ApiHandler):
    """`GET /api/analytics/engagement/`."""

    roles = {"GET": ADMINS}
    operations = {"GET": Operation(query=COUNTS_QUERY, answers={200: EngagementCounts})}

    async def get(self) -> None:
        """Count what was read and clicked of the notifications that were made on these days."""
        asked = self.query()
        days = span(asked, today=self.service.statistics.today())
        group_by = GroupBy(asked["group_by"])
        counted = engagement_by(group_by, await self.service.statistics.of(days))
        results = [
            {
                "key": key,
                "created": engagement.received,
                "read": engagement.read,
                "clicked": engagement.clicked,
                "read_rate": engagement.read_rate,
                "click_rate": engagement.click_rate,
            }
            for key, engagement in counted
        ]
        self.answer({**_said(days), "group_by": group_by, "results": results})


class OptOutsHandler(ApiHandler):
    """`GET /api/analytics/preferences/`."""

    roles = {"GET": ADMINS}
    operations = {"GET": Operation(query=SPAN_QUERY, answers={200: OptOutCounts})}

    async def get(self) -> None:
        """Count unsubscribes and preferences that were switched off, by day and kind."""
        days = span(self.query(), today=self.service.statistics.today())
        counted = await self.service.statistics.opt_outs(days)
        results = [row for day, counts in counted.items() for row in _opt_outs(day, counts)]
        self.answer({**_said(days), "results": results})


def span(asked: Mapping[str, datetime], *, today: date) -> Days:
    """Return the days that are asked for: by default 30, until today. Raises ValidationFailed."""
    last = day_of(asked["last"]) if "last" in asked else today
    if "first" in asked:
        first = day_of(asked["first"])
    else:
        # No day is before the first of the calendar.
        first = last - min(timedelta(days=DEFAULT_DAYS - 1), last - date.min)
    days = Days(first, last)
    if not days:
        raise ValidationFailed({"from": ["Must not be after `to`."]})
    if len(days) > MOST_DAYS:
        raise ValidationFailed({"from": [f"Must be at most {MOST_DAYS} days up to `to`."]})
    return days


def _said(days: Days) -> dict[str, Any]:
    return {"from": days.first.isoformat(), "to": days.last.isoformat()}


def _opt_outs(day: date, counts: DayCounts) -> list[dict[str, Any]]:
    """Return a row for each thing that was switched off on `day`."""
    return [
        {
            "day": day.isoformat(),
            "kind": what,
            "unsubscribes": counts.opt_outs.get((what, Way.UNSUBSCRIBED), 0),
            "switched_off": counts.opt_outs.get((what, Way.SWITCHED_OFF), 0),
        }
        for what in sorted({what for what, _ in counts.opt_outs})
    ]


ROUTES = [
    (r"/api/analytics/deliveries/?", DeliveriesHandler),
    (r"/api/analytics/engagement/?", EngagementHandler),
    (r"/api/analytics/preferences/?", OptOutsHandler),
]
