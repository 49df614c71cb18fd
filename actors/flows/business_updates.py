"""`business_update.posted`: tell followers what the business wrote (contract section 2.1)."""

from __future__ import annotations

from uuid import UUID

from actors.flows.content import Content
from actors.flows.fan_out import FanOut
from rules.kinds import KINDS
from storage.businesses import BusinessesRepository
from storage.events import StoredEvent


class BusinessUpdatePosted:
    """Plan the fan-out of what a business wrote."""

    def __init__(self, businesses: BusinessesRepository) -> None:
        self._businesses = businesses

    async def plan(self, event: StoredEvent) -> FanOut | None:
        """Return whom to tell what; None when the business is gone."""
        business = await self._businesses.find(UUID(event.data["business_id"]))
        if business is None:
            return None
        return FanOut(
            content=Content(
                kind=KINDS["business_update"],
                title=event.data["title"],
                message=event.data["message"],
                data=event.data["data"],
                image_url=event.data["image_url"],
                business_id=business.id,
                sender_id=business.owner_id,
            ),
            business_id=business.id,
            followers_count=business.followers_count,
        )
