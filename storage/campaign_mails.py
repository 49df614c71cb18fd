"""What became of the mails of a campaign, counted from the rows of its notifications.

By an index of rows that belong to campaigns; it asks every shard, now and then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rules.campaign_health import Mails
from rules.deliveries import DeliveryStatus
from storage.collection import StoreCollection

if TYPE_CHECKING:
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document


class CampaignMails:
    """The field `campaign_id` of the collection `notifications`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._rows = StoreCollection(database["notifications"])

    async def gone_wrong(self, campaign_id: UUID) -> Mails:
        """Return how many bounced and were complained of; how many were sent is left out."""
        bounced = await self._count(campaign_id, DeliveryStatus.BOUNCED)
        complained = await self._count(campaign_id, DeliveryStatus.COMPLAINED)
        return Mails(bounced=bounced, complained=complained)

    async def all(self, campaign_id: UUID) -> Mails:
        """Return what became of all that a provider took."""
        wrong = await self.gone_wrong(campaign_id)
        sent = await self._count(campaign_id, DeliveryStatus.SENT)
        delivered = await self._count(campaign_id, DeliveryStatus.DELIVERED)
        return Mails(
            sent=sent + delivered + wrong.bounced + wrong.complained,
            bounced=wrong.bounced,
            complained=wrong.complained,
        )

    async def _count(self, campaign_id: UUID, status: DeliveryStatus) -> int:
        # One by one: of several at once the embedded store uses no partial index.
        return await self._rows.count(
            {"campaign_id": campaign_id, "channels.email.status": status.value}
        )
