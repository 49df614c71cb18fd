"""What admins tell many (contract section 2.6)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from actors.frames import to_json
from rules.campaigns import CampaignAction
from rules.rate_limits import RateScope
from server.auth import ADMINS
from server.errors import ValidationFailed
from server.handlers.audited import AuditedHandler
from server.handlers.base import UUID_PATTERN, ApiHandler
from server.idempotency import RequestKey
from server.operation import Operation
from server.paging import listing
from server.previews import sample_for
from server.schemas.campaigns import (
    CAMPAIGN,
    CAMPAIGN_SAMPLE,
    CAMPAIGNS_QUERY,
    CampaignAnswer,
    CampaignsAnswer,
    PreviewAnswer,
)
from server.schemas.idempotency import IDEMPOTENCY
from server.views import campaign_record
from storage.campaigns import Campaign, CampaignAudience
from storage.idempotency_keys import KeptAnswer

FURTHEST_AHEAD = timedelta(days=365)


class _WrittenHandler(AuditedHandler):
    """Base of what takes in what a campaign says."""

    async def check_template(self, template: str | None) -> None:
        """Raise ValidationFailed when there is no such template."""
        if template is not None and template not in await self.service.mail_templates.names():
            raise ValidationFailed({"template": [f"No such template: {template}."]})


class CampaignsHandler(_WrittenHandler):
    """`GET` and `POST /api/campaigns/`."""

    roles = {"GET": ADMINS, "POST": ADMINS}
    operations = {
        "GET": Operation(query=CAMPAIGNS_QUERY, answers={200: CampaignsAnswer}),
        "POST": Operation(
            body=CAMPAIGN,
            headers=IDEMPOTENCY,
            answers={201: CampaignAnswer},
            refusals=(409, 422),
        ),
    }
    rate_scopes = {"POST": RateScope.CAMPAIGNS}

    async def get(self) -> None:
        """List the campaigns, the newest first."""
        asked = self.query()
        page = await self.service.stores.campaigns.page(
            page=asked["page"], page_size=asked["page_size"]
        )
        self.answer(
            listing(
                url=self.service.url("/api/campaigns/"),
                query=self.asked_with(),
                page=asked["page"],
                page_size=asked["page_size"],
                count=page.count,
                results=[campaign_record(campaign) for campaign in page.campaigns],
            )
        )

    async def post(self) -> None:
        """Make a campaign, which runs at once, at its time, or once it is started."""
        asked = self.json_body()
        await self.check_template(asked["template"])

        async def work(work_id: UUID, begun_at: datetime) -> KeptAnswer:
            if asked["send_at"] is not None:
                _check_time(asked["send_at"], begun_at)
            campaign = _campaign(work_id, asked, by=self.principal.user_id, at=begun_at)
            await self.put_on_record("campaign.create", str(campaign.id), name=campaign.name)
            stands = await self.service.campaigns.create(campaign, is_draft=asked["draft"])
            return KeptAnswer(201, to_json(campaign_record(stands)).decode())

        made = await self.service.requests.once(
            self.principal.user_id,
            RequestKey.of(self.request, self.raw_body()),
            work,
        )
        self.set_status(made.status)
        self.finish(made.body)


class PreviewHandler(_WrittenHandler):
    """`POST /api/campaigns/preview/`."""

    roles = {"POST": ADMINS}
    operations = {"POST": Operation(body=CAMPAIGN_SAMPLE, answers={200: PreviewAnswer})}

    async def post(self) -> None:
        """Tell how many a campaign would reach and what one of them would get; send nothing."""
        asked = self.json_body()
        await self.check_template(asked["template"])
        size = await self.service.campaigns.size(CampaignAudience(**asked["audience"]))
        campaign = _campaign(
            UUID(int=0), asked, by=self.principal.user_id, at=self.service.clock.store_now()
        )
        sample = await sample_for(size.sample, campaign, self.service.mail_templates)
        self.answer(
            {
                "audience_size": size.count,
                "is_exact": size.is_exact,
                "sample": {
                    "recipient_id": size.sample and size.sample.user_id,
                    "locale": sample.locale,
                    "title": campaign.title,
                    "message": campaign.message,
                    "subject": sample.subject,
                    "html": sample.html,
                    "text": sample.text,
                },
            }
        )


class CampaignHandler(ApiHandler):
    """`GET /api/campaigns/{id}/`."""

    roles = {"GET": ADMINS}
    operations = {"GET": Operation(answers={200: CampaignAnswer})}

    async def get(self, campaign_id: str) -> None:
        """Show a campaign, and how far it is."""
        self.answer(campaign_record(await self.service.stores.campaigns.get(UUID(campaign_id))))


class _ActionHandler(AuditedHandler):
    """Base of what is done with a campaign."""

    roles = {"POST": ADMINS}
    operations = {"POST": Operation(answers={200: CampaignAnswer}, refusals=(409,))}

    async def act(self, campaign_id: str, action: CampaignAction) -> None:
        """Do it, and answer how the campaign stands."""
        campaign = await self.service.stores.campaigns.get(UUID(campaign_id))
        self.service.campaigns.next_status(campaign, action)
        await self.put_on_record(f"campaign.{action}", campaign_id, status=campaign.status.value)
        self.answer(campaign_record(await self.service.campaigns.act(campaign, action)))


class StartHandler(_ActionHandler):
    """`POST /api/campaigns/{id}/start/`."""

    async def post(self, campaign_id: str) -> None:
        """Start a draft: at once, or at its time if that is still to come."""
        await self.act(campaign_id, CampaignAction.START)


class PauseHandler(_ActionHandler):
    """`POST /api/campaigns/{id}/pause/`."""

    async def post(self, campaign_id: str) -> None:
        """Have a campaign wait; one that runs tells some hundreds more at most."""
        await self.act(campaign_id, CampaignAction.PAUSE)


class ResumeHandler(_ActionHandler):
    """`POST /api/campaigns/{id}/resume/`."""

    async def post(self, campaign_id: str) -> None:
        """Have a paused campaign go on; one whose time has passed meanwhile runs at once."""
        await self.act(campaign_id, CampaignAction.RESUME)


class CancelHandler(_ActionHandler):
    """`POST /api/campaigns/{id}/cancel/`."""

    async def post(self, campaign_id: str) -> None:
        """End a campaign for good; what has been told stays told."""
        await self.act(campaign_id, CampaignAction.CANCEL)


def _campaign(campaign_id: UUID, asked: dict[str, Any], *, by: UUID, at: datetime) -> Campaign:
    return Campaign(
        id=campaign_id,
        name=asked.get("name", ""),
        title=asked["title"],
        message=asked["message"],
        kind=asked["notification_type"],
        channels=tuple(dict.fromkeys(channel.value for channel in asked.get("channels", ()))),
        audience=CampaignAudience(**asked["audience"]),
        template=asked["template"],
        send_at=asked["send_at"],
        created_at=at,
        created_by=by,
    )


def _check_time(send_at: datetime, now: datetime) -> None:
    if not now < send_at <= now + FURTHEST_AHEAD:
        raise ValidationFailed({"send_at": [f"Must be within {FURTHEST_AHEAD.days} days."]})


ROUTES = [
    (r"/api/campaigns/?", CampaignsHandler),
    (r"/api/campaigns/preview/?", PreviewHandler),
    (rf"/api/campaigns/{UUID_PATTERN}/?", CampaignHandler),
    (rf"/api/campaigns/{UUID_PATTERN}/start/?", StartHandler),
    (rf"/api/campaigns/{UUID_PATTERN}/pause/?", PauseHandler),
    (rf"/api/campaigns/{UUID_PATTERN}/resume/?", ResumeHandler),
    (rf"/api/campaigns/{UUID_PATTERN}/cancel/?", CancelHandler),
]
