"""A campaign that runs, and others."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from rules.campaigns import CampaignStatus
from storage.campaigns import Campaign, CampaignAudience, campaign_row
from tests.storage.filled.asked import CAMPAIGN, OWNER, others
from tests.storage.samples import NOON

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from storage.client import Document


def documents() -> Iterator[Document]:
    for campaign_id in chain((CAMPAIGN,), others()):
        yield campaign_row(a_campaign(campaign_id))


def a_campaign(campaign_id: UUID) -> Campaign:
    return Campaign(
        id=campaign_id,
        name="n",
        title="t",
        message="m",
        kind="promotional",
        channels=("in_app",),
        audience=CampaignAudience(),
        created_at=NOON,
        created_by=OWNER,
        status=CampaignStatus.RUNNING,
        revision=1,
    )
