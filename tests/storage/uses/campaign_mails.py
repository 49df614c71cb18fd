"""Uses of what became of the mails of campaigns."""

from __future__ import annotations

from storage.campaign_mails import CampaignMails
from tests.storage.filled.asked import CAMPAIGN
from tests.storage.uses.use import Use

USES = [
    Use(
        CampaignMails.gone_wrong,
        lambda stores: stores.campaign_mails.gone_wrong(CAMPAIGN),
        ("campaign_mails",),
    ),
    Use(
        CampaignMails.all,
        lambda stores: stores.campaign_mails.all(CAMPAIGN),
        ("campaign_mails",),
    ),
]
