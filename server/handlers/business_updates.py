"""What businesses write to their followers: `POST /api/business-updates/` (contract 2.1)."""

from __future__ import annotations

from actors.business_updates import Update
from server.auth import UserType
from server.handlers.base import ApiHandler
from server.operation import Operation
from server.providers import business_of
from server.schemas.business_updates import BUSINESS_UPDATE, Posted


class BusinessUpdatesHandler(ApiHandler):
    """Takes an update; 202 says that it is durable."""

    roles = {"POST": frozenset({UserType.PROVIDER})}
    operations = {"POST": Operation(body=BUSINESS_UPDATE, answers={202: Posted}, refusals=(404,))}

    async def post(self) -> None:
        """Tell the followers of the caller's business something, at most five times a day."""
        update = Update(**self.json_body())
        stores = self.service.stores
        business = await business_of(self.principal, stores.businesses)
        preferences = await stores.users.preferences(self.principal.user_id)
        await self.service.business_updates.post(business, update, preferences.timezone)
        self.answer({"followers": business.followers_count}, status=202)


ROUTES = [(r"/api/business-updates/?", BusinessUpdatesHandler)]
