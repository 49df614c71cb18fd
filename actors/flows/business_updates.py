"""`business_update.posted`: tell followers what the business wrote (contract section 2.1)."""

from __future__ import annotations

from actors.flows.content import Content
from actors.flows.fan_out import BusinessFlow
from rules.kinds import KINDS
from storage.businesses import Business
from storage.events import StoredEvent


class BusinessUpdatePosted(BusinessFlow):
    """Plan the fan-out of what a business wrote."""

    def content(self, event: StoredEvent, business: Business) -> Content:
        """Return what was written, as it was."""
        return Content(
            kind=KINDS["business_update"],
            title=event.data["title"],
            message=event.data["message"],
            data=event.data["data"],
            image_url=event.data["image_url"],
            business_id=business.id,
            sender_id=business.owner_id,
        )
