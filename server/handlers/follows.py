"""Following businesses (contract section 2.3)."""

from __future__ import annotations

from uuid import UUID

from actors.frames import timestamp
from server.auth import UserType
from server.handlers.base import UUID_PATTERN, ApiHandler
from server.operation import Operation
from server.paging import listing
from server.schemas.answer import Done
from server.schemas.follows import FOLLOW, FOLLOWING_QUERY, Followed, Following
from server.views import business_card, business_profile

FOLLOWERS = frozenset({UserType.CUSTOMER, UserType.NGO})


class FollowHandler(ApiHandler):
    """`POST /api/follow/`."""

    roles = {"POST": FOLLOWERS}
    operations = {"POST": Operation(body=FOLLOW, answers={201: Followed}, refusals=(404, 409, 422))}

    async def post(self) -> None:
        """Follow a business; an earlier follow is restored."""
        business_id = self.json_body()["business_id"]
        principal = self.principal
        business = await self.service.names.business(business_id)
        result = await self.service.follows.follow(
            principal.user_id, principal.user_type.value, business_id
        )
        await self.service.new_followers.announce(
            business, principal.user_id, principal.user_type.value
        )
        self.answer(
            {
                "message": "Successfully followed business",
                "follower_id": result.follow_id,
                "created": result.created,
                "business": business_card(business),
            },
            status=201,
        )


class UnfollowHandler(ApiHandler):
    """`DELETE /api/unfollow/{business_id}/`."""

    roles = {"DELETE": FOLLOWERS}
    operations = {"DELETE": Operation(answers={200: Done})}

    async def delete(self, business_id: str) -> None:
        """Stop following; following again restores it."""
        await self.service.follows.unfollow(self.principal.user_id, UUID(business_id))
        self.answer({"message": "Successfully unfollowed business"})


class FollowingHandler(ApiHandler):
    """`GET /api/following/`."""

    roles = {"GET": FOLLOWERS}
    operations = {"GET": Operation(query=FOLLOWING_QUERY, answers={200: Following})}

    async def get(self) -> None:
        """List the businesses that the caller follows, latest first."""
        asked = self.query()
        user_id = self.principal.user_id
        count, followed = await self.service.stores.following.page(
            user_id, page=asked["page"], page_size=asked["page_size"]
        )
        told = await self.service.stores.notifications.count_by_business(
            user_id, [entry.business.id for entry in followed]
        )
        self.answer(
            listing(
                url=self.service.url("/api/following/"),
                query=self.asked_with(),
                page=asked["page"],
                page_size=asked["page_size"],
                count=count,
                results=[
                    {
                        "id": entry.follow_id,
                        "business": business_profile(entry.business),
                        "followed_at": entry.followed_at and timestamp(entry.followed_at),
                        "notification_count": told.get(entry.business.id, 0),
                    }
                    for entry in followed
                ],
            )
        )


ROUTES = [
    (r"/api/follow/?", FollowHandler),
    (rf"/api/unfollow/{UUID_PATTERN}/?", UnfollowHandler),
    (r"/api/following/?", FollowingHandler),
]
