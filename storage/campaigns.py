"""Campaigns: what admins tell many, to whom, and how far that is.

    {_id, name, title, message, kind, channels, template, send_at, created_at, created_by, status,
     revision, started_at, completed_at, reason, cursor,
     audience: {user_types, followers_of, user_ids, locales, active_since},
     progress: {audience, processed, created, suppressed, failed},
     mails_before: {sent, bounced, complained}}

`status` changes by a guarded update that raises `revision`, so of two changes at once one is.
`cursor` and `progress` change together, guarded by the cursor, so a batch that is done again counts
once. Of the conditions of `audience` only those are there that were given. Errors:
`CampaignNotFound`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from rules.campaign_health import Mails
from rules.campaigns import ENDED, CampaignStatus
from storage.collection import StoreCollection
from storage.positions import EPOCH

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

NEWEST_FIRST = {"created_at": -1, "_id": -1}


class CampaignNotFound(LookupError):
    """There is no such campaign."""

    def __init__(self, campaign_id: UUID) -> None:
        super().__init__(f"no campaign {campaign_id}")
        self.campaign_id = campaign_id


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignAudience:
    """Whom a campaign is for: all of its conditions have to hold, None and empty ones do."""

    user_types: Sequence[str] = ()
    followers_of: Sequence[UUID] = ()
    """Of any of these businesses."""

    user_ids: Sequence[UUID] = ()
    locales: Sequence[str] = ()
    active_since: datetime | None = None

    def given(self) -> dict[str, Any]:
        """Return the conditions that there are."""
        # Not by `asdict`, which copies each of ten thousand ids.
        named = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What came of recipients; each is in one of these."""

    created: int = 0
    """A notification was made for at least one channel."""

    suppressed: int = 0
    """The gates refused all channels."""

    failed: int = 0

    @property
    def processed(self) -> int:
        """Return how many there are."""
        return self.created + self.suppressed + self.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """One campaign."""

    id: UUID
    name: str
    title: str
    message: str
    kind: str
    channels: tuple[str, ...]
    audience: CampaignAudience
    template: str | None = None
    send_at: datetime | None = None
    created_at: datetime
    created_by: UUID
    status: CampaignStatus = CampaignStatus.DRAFT
    revision: int = 0
    """How often the status changed."""

    started_at: datetime | None = None
    completed_at: datetime | None = None
    """When it ended, in whatever way."""

    reason: str | None = None
    """Why it stands as it does, where nobody asked for that."""

    cursor: int = 0
    """Where its audience goes on."""

    audience_size: int = 0
    """About how many there are, and once it is completed how many there were."""

    counts: Counts = field(default_factory=Counts)
    mails_before: Mails = field(default_factory=Mails)
    """What had become of its mails when it last paused by itself."""


@dataclass(frozen=True, slots=True)
class CampaignsPage:
    """How many there are in all, and those of the page, newest first."""

    count: int
    campaigns: list[Campaign]


class CampaignsRepository:
    """The collection `campaigns`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._campaigns = StoreCollection(database["campaigns"])

    async def add(self, campaign: Campaign) -> None:
        """Keep a campaign; one of its id stays as it is."""
        await self._campaigns.insert_new([campaign_row(campaign)])

    async def find(self, campaign_id: UUID) -> Campaign | None:
        """Return the campaign, or None when there is none."""
        found = await self._campaigns.find_one({"_id": campaign_id})
        return None if found is None else _campaign(found)

    async def get(self, campaign_id: UUID) -> Campaign:
        """Return the campaign; raise CampaignNotFound."""
        found = await self.find(campaign_id)
        if found is None:
            raise CampaignNotFound(campaign_id)
        return found

    async def page(self, *, page: int, page_size: int) -> CampaignsPage:
        """Return page `page` (from 1) of all campaigns, without the ids of named users."""
        # Always a range: without one the embedded store may take an index that is in no order.
        matching = {"created_at": {"$gte": EPOCH}}
        skip = (page - 1) * page_size
        found = await self._campaigns.aggregate(
            [
                {"$match": matching},
                {"$sort": NEWEST_FIRST},
                {"$skip": skip},
                {"$limit": page_size},
                # Ten thousand of each would be a million on a page.
                {"$project": {"audience.user_ids": 0}},
            ]
        )
        campaigns = [_campaign(row) for row in found]
        if len(found) < page_size and (found or skip == 0):
            return CampaignsPage(skip + len(found), campaigns)
        return CampaignsPage(await self._campaigns.count(matching), campaigns)

    async def move(
        self,
        campaign: Campaign,
        status: CampaignStatus,
        *,
        at: datetime,
        reason: str | None = None,
        mails: Mails | None = None,
    ) -> bool:
        """Change the status of a campaign that still stands as read; tell whether it did.

        `mails` are kept as what had become of its mails by then.
        """
        values: dict[str, Any] = {"status": status.value, "reason": reason}
        if status is CampaignStatus.RUNNING and campaign.started_at is None:
            values["started_at"] = at
        if status in ENDED:
            values["completed_at"] = at
        if status is CampaignStatus.COMPLETED:
            values["progress.audience"] = campaign.counts.processed
        if mails is not None:
            values["mails_before"] = asdict(mails)
        return await self._campaigns.update_one(
            {"_id": campaign.id, "revision": campaign.revision},
            {"$set": values, "$inc": {"revision": 1}},
        )

    async def measure(self, campaign_id: UUID, size: int) -> None:
        """Keep about how many the audience has."""
        await self._campaigns.update_one(
            {"_id": campaign_id}, {"$set": {"progress.audience": size}}
        )

    async def advance(self, campaign_id: UUID, *, cursor: int, to: int, counts: Counts) -> bool:
        """Move the cursor on and count those it passed; tell whether it stood at `cursor`."""
        counted = {**asdict(counts), "processed": counts.processed}
        return await self._campaigns.update_one(
            {"_id": campaign_id, "cursor": cursor},
            {
                "$set": {"cursor": to},
                "$inc": {f"progress.{name}": number for name, number in counted.items()},
            },
        )

    async def is_running(self, campaign_id: UUID, revision: int) -> bool:
        """Tell whether the campaign is running since its change number `revision`."""
        found = await self._campaigns.find_one({"_id": campaign_id}, {"status": 1, "revision": 1})
        return found is not None and (found["status"], found["revision"]) == (
            CampaignStatus.RUNNING,
            revision,
        )


def campaign_row(campaign: Campaign) -> Document:
    """Return the row of a campaign."""
    return {
        "_id": campaign.id,
        "name": campaign.name,
        "title": campaign.title,
        "message": campaign.message,
        "kind": campaign.kind,
        "channels": list(campaign.channels),
        "audience": campaign.audience.given(),
        "template": campaign.template,
        "send_at": campaign.send_at,
        "created_at": campaign.created_at,
        "created_by": campaign.created_by,
        "status": campaign.status.value,
        "revision": campaign.revision,
        "started_at": campaign.started_at,
        "completed_at": campaign.completed_at,
        "reason": campaign.reason,
        "cursor": campaign.cursor,
        "progress": {
            "audience": campaign.audience_size,
            "processed": campaign.counts.processed,
            **asdict(campaign.counts),
        },
        "mails_before": asdict(campaign.mails_before),
    }


def _campaign(row: Document) -> Campaign:
    progress = row["progress"]
    return Campaign(
        id=row["_id"],
        name=row["name"],
        title=row["title"],
        message=row["message"],
        kind=row["kind"],
        channels=tuple(row["channels"]),
        audience=CampaignAudience(**row["audience"]),
        template=row["template"],
        send_at=row["send_at"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        status=CampaignStatus(row["status"]),
        revision=row["revision"],
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        reason=row["reason"],
        cursor=row["cursor"],
        audience_size=progress["audience"],
        counts=Counts(
            created=progress["created"],
            suppressed=progress["suppressed"],
            failed=progress["failed"],
        ),
        mails_before=Mails(**row["mails_before"]),
    )
