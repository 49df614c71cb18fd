"""What businesses write to their followers: `POST /api/business-updates/` (contract 2.1)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from actors.business_updates import Update
from actors.frames import to_json
from server.auth import UserType
from server.handlers.base import ApiHandler
from server.idempotency import RequestKey
from server.operation import Operation
from server.providers import business_of
from server.schemas.business_updates import BUSINESS_UPDATE, Posted
from server.schemas.idempotency import IDEMPOTENCY
from storage.idempotency_keys import KeptAnswer


class BusinessUpdatesHandler(ApiHandler):
    """Takes an update; 202 says that it is durable."""

    roles = {"POST": frozenset({UserType.PROVIDER})}
    operations = {
        "POST": Operation(
            body=BUSINESS_UPDATE,
            headers=IDEMPOTENCY,
            answers={202: Posted},
            refusals=(404, 409, 422),
        )
    }

    async def post(self) -> None:
        """Tell the followers of the caller's business something, at most five times a day."""
        update = Update(**self.json_body())
        await self.service.images.admit(update.image_url)
        stores, user_id = self.service.stores, self.principal.user_id
        business = await business_of(self.principal, stores.businesses)
        preferences = await stores.users.preferences(user_id)

        async def work(work_id: UUID, begun_at: datetime) -> KeptAnswer:
            await self.service.business_updates.post(
                work_id, business, update, timezone=preferences.timezone, at=begun_at
            )
            return KeptAnswer(202, to_json({"followers": business.followers_count}).decode())

        posted = await self.service.requests.once(
            user_id,
            RequestKey.of(self.request, self.raw_body()),
            work,
        )
        self.set_status(posted.status)
        self.finish(posted.body)


ROUTES = [(r"/api/business-updates/?", BusinessUpdatesHandler)]
