"""Uses of campaigns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from rules.campaigns import CampaignStatus
from storage.campaigns import CampaignsRepository, Counts, campaign_row
from tests.storage.filled.asked import CAMPAIGN
from tests.storage.filled.campaigns import a_campaign
from tests.storage.samples import NOON
from tests.storage.uses.use import Use, is_found, without

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

RUNNING = a_campaign(CAMPAIGN)
NEW = a_campaign(UUID(int=301))


def running_again(database: AsyncIOMotorDatabase[Document]) -> Awaitable[Any]:
    return database["campaigns"].replace_one({"_id": CAMPAIGN}, campaign_row(RUNNING))


USES = [
    Use(
        CampaignsRepository.add,
        lambda stores: stores.campaigns.add(NEW),
        restore=without("campaigns", [NEW.id]),
    ),
    Use(CampaignsRepository.find, lambda stores: is_found(stores.campaigns.find(CAMPAIGN))),
    Use(CampaignsRepository.get, lambda stores: is_found(stores.campaigns.get(CAMPAIGN))),
    Use(
        CampaignsRepository.move,
        lambda stores: stores.campaigns.move(RUNNING, CampaignStatus.PAUSED, at=NOON),
        restore=running_again,
    ),
    Use(CampaignsRepository.measure, lambda stores: stores.campaigns.measure(CAMPAIGN, 7)),
    Use(
        CampaignsRepository.advance,
        lambda stores: stores.campaigns.advance(CAMPAIGN, cursor=0, to=7, counts=Counts(created=1)),
        restore=running_again,
    ),
    Use(
        CampaignsRepository.is_running,
        lambda stores: stores.campaigns.is_running(CAMPAIGN, 1),
        restore=running_again,
    ),
]

# Campaigns are few, and a page of them costs what there is.
WITHOUT_USE = {CampaignsRepository.page}
