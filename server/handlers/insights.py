"""How a business's own notifications do (contract section 2.6)."""

from __future__ import annotations

from rules.engagement import NOTHING_RECEIVED
from rules.insights import best_hours
from rules.timezones import zone_of
from server.auth import UserType
from server.handlers.base import ApiHandler
from server.operation import Operation
from server.providers import business_of
from server.schemas.insights import Insights


class InsightsHandler(ApiHandler):
    """`GET /api/insights/`."""

    roles = {"GET": frozenset({UserType.PROVIDER})}
    operations = {"GET": Operation(answers={200: Insights}, refusals=(404,))}

    async def get(self) -> None:
        """Tell a provider how the notifications of their business did in the last 30 days."""
        stores = self.service.stores
        business = await business_of(self.principal, stores.businesses)
        preferences = await stores.users.preferences(self.principal.user_id)
        days = await self.service.statistics.of_business(business)
        counts = {day: each.counts for day, each in days.items()}
        total = sum((each.engagement for each in counts.values()), NOTHING_RECEIVED)
        self.answer(
            {
                "followers": business.followers_count,
                "notifications": total.received,
                "read_rate": total.read_rate,
                "click_rate": total.click_rate,
                "best_hours": best_hours(counts, zone_of(preferences.timezone)),
                "daily": [
                    {
                        "day": day.isoformat(),
                        "notifications": each.counts.engagement.received,
                        "read": each.counts.engagement.read,
                        "clicked": each.counts.engagement.clicked,
                        "new_followers": each.new_followers,
                    }
                    for day, each in days.items()
                ],
            }
        )


ROUTES = [(r"/api/insights/?", InsightsHandler)]
