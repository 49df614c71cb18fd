"""A business's own followers (contract section 2.3)."""

from __future__ import annotations

from actors.frames import timestamp
from rules.engagement import NOTHING_RECEIVED, WINDOW
from server.auth import UserType
from server.handlers.base import ApiHandler
from server.operation import Operation
from server.paging import listing
from server.providers import business_of
from server.schemas.follows import FOLLOWERS_QUERY, Followers
from server.views import person_card


class FollowersHandler(ApiHandler):
    """`GET /api/followers/`."""

    roles = {"GET": frozenset({UserType.PROVIDER})}
    operations = {
        "GET": Operation(query=FOLLOWERS_QUERY, answers={200: Followers}, refusals=(404,))
    }

    async def get(self) -> None:
        """List who follows the caller's business, latest first."""
        asked = self.query()
        stores = self.service.stores
        business = await business_of(self.principal, stores.businesses)
        page = await stores.followers.page(
            business,
            page=asked["page"],
            page_size=asked["page_size"],
            user_type=asked.get("user_type"),
        )
        ids = [follow.user_id for follow in page.follows]
        now = self.service.clock.store_now()
        engaged = await stores.engagement.of(business.id, ids, since=now - WINDOW, until=now)
        names = await self.service.names.resolve(users=ids)
        self.answer(
            listing(
                url=self.service.url("/api/followers/"),
                query=self.asked_with(),
                page=asked["page"],
                page_size=asked["page_size"],
                count=page.count,
                results=[
                    {
                        "id": follow.id,
                        "user": person_card(follow.user_id, follow.user_type, names),
                        "followed_at": timestamp(follow.followed_at),
                        "engagement_score": engaged.get(follow.user_id, NOTHING_RECEIVED).score,
                    }
                    for follow in page.follows
                ],
            )
        )


ROUTES = [(r"/api/followers/?", FollowersHandler)]
