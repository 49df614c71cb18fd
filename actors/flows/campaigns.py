"""`campaign.started`: tell the audience of a campaign what an admin wrote (contract section 2.6).

The event names the change of the campaign's status by which it began to run, or goes on. Whatever
comes between, another change or another event, the campaign says how far it is, and each recipient
has one notification of it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from uuid import UUID

import structlog

from actors.flows.audience import Audience
from actors.flows.audience_size import size_of
from actors.flows.audiences import Audiences
from actors.flows.content import Content
from actors.flows.fan_out import Account, Overtaken, Passed
from actors.notice import Cause, Notice
from rules.campaign_health import is_suspicious, reason_to_pause
from rules.campaigns import BEFORE_RUNNING, CampaignStatus
from rules.events import lane_of
from rules.ids import campaign_cause, campaign_key
from rules.kinds import KINDS, Channel
from rules.recipients import Recipient
from storage.audit_log import AuditEntry, AuditLog
from storage.campaign_mails import CampaignMails
from storage.campaigns import Campaign, CampaignsRepository, Counts
from storage.events import NewEvent, StoredEvent
from storage.notification_rows import NotificationRow
from storage.positions import PositionClock

STARTED = "campaign.started"

LOOK_AT_MAILS_EVERY_S = 5.0
"""Webhooks tell of bounces a while after the mail; a batch may take less than the look does."""

NOBODY = UUID(int=0)
"""Who acts where the service itself does."""

log = structlog.get_logger(__name__)


def started_event(campaign: Campaign, revision: int) -> NewEvent:
    """Return the event of the change number `revision` of a campaign, to `running`."""
    return NewEvent(
        key=campaign_key(campaign.id, revision),
        sender=campaign.created_by,
        event_id=f"{campaign.id}:{revision}",
        type=STARTED,
        occurred_at=campaign.send_at or campaign.created_at,
        data={"campaign_id": str(campaign.id), "revision": revision},
        lane=lane_of(STARTED).value,
    )


class CampaignStarted:
    """Plans the fan-out of a campaign."""

    def __init__(
        self,
        campaigns: CampaignsRepository,
        mails: CampaignMails,
        audit_log: AuditLog,
        audiences: Audiences,
        clock: PositionClock,
    ) -> None:
        self._campaigns = campaigns
        self._mails = mails
        self._audit_log = audit_log
        self._audiences = audiences
        self._clock = clock

    async def plan(self, event: StoredEvent) -> CampaignFanOut | None:
        """Have the campaign run, or go on; None when something else has become of it."""
        campaign = await self._running(event)
        if campaign is None:
            return None
        audience = await self._audiences.campaign(campaign.audience)
        if campaign.cursor == 0:
            size = await size_of(audience)
            await self._campaigns.measure(campaign.id, size.count)
        return CampaignFanOut(self, campaign, audience)

    async def give_up(self, event: StoredEvent, error: Exception) -> None:
        """Note that a campaign cannot go on."""
        campaign = await self._running(event)
        if campaign is not None:
            # The name alone: its text may tell of people.
            await self.move(campaign, CampaignStatus.FAILED, reason=type(error).__name__)

    async def note(self, campaign: Campaign, passed: Passed) -> None:
        """Count a batch, once however often it is told. Raises Overtaken."""
        created = sum(map(_is_let_through, passed.rows))
        counts = Counts(
            created=created,
            suppressed=len(passed.rows) - created,
            failed=len(passed.failed),
        )
        if not await self._campaigns.advance(
            campaign.id, cursor=passed.cursor, to=passed.to, counts=counts
        ):
            raise Overtaken

    async def is_running(self, campaign: Campaign) -> bool:
        """Tell whether nobody has paused or ended it since it was read."""
        return await self._campaigns.is_running(campaign.id, campaign.revision)

    async def pause_if_unwelcome(self, campaign: Campaign) -> bool:
        """Pause the campaign when too many of its mails bounce or are complained of."""
        wrong = await self._mails.gone_wrong(campaign.id)
        if not is_suspicious(wrong.since(campaign.mails_before)):
            return False
        mails = await self._mails.all(campaign.id)
        reason = reason_to_pause(mails.since(campaign.mails_before))
        if reason is None:
            return False
        log.warning("campaign_paused", campaign_id=str(campaign.id), reason=reason)
        await self._audit_log.add(
            AuditEntry(
                id=campaign_key(campaign.id, campaign.revision + 1),
                at=self._clock.store_now(),
                actor=NOBODY,
                actor_type="service",
                action="campaign.pause",
                target=str(campaign.id),
                ip="",
                request_id="",
                details={"reason": reason},
            )
        )
        return await self._campaigns.move(
            campaign,
            CampaignStatus.PAUSED,
            at=self._clock.store_now(),
            reason=reason,
            mails=mails,
        )

    async def complete(self, campaign: Campaign) -> None:
        """Note that everybody has been told, unless something else has become of it."""
        told = await self._campaigns.find(campaign.id)
        if told is not None and told.revision == campaign.revision:
            await self.move(told, CampaignStatus.COMPLETED)

    async def move(
        self, campaign: Campaign, status: CampaignStatus, *, reason: str | None = None
    ) -> None:
        """Change the status of a campaign that stands as read."""
        await self._campaigns.move(campaign, status, at=self._clock.store_now(), reason=reason)

    async def _running(self, event: StoredEvent) -> Campaign | None:
        """Return the campaign if it runs since the change that the event names, made if need be."""
        campaign_id, revision = UUID(event.data["campaign_id"]), event.data["revision"]
        campaign = await self._campaigns.find(campaign_id)
        if campaign is None:
            return None
        if campaign.revision == revision - 1 and campaign.status in BEFORE_RUNNING:
            await self.move(campaign, CampaignStatus.RUNNING)
            campaign = await self._campaigns.get(campaign_id)
        is_meant = campaign.revision == revision and campaign.status is CampaignStatus.RUNNING
        return campaign if is_meant else None


class CampaignFanOut(Account):
    """A campaign that runs."""

    def __init__(self, flow: CampaignStarted, campaign: Campaign, audience: Audience) -> None:
        self.audience = audience
        self._flow = flow
        self._campaign = campaign
        self._content = content_of(campaign)
        self._channels = tuple(map(Channel, campaign.channels))
        self._cause = Cause(campaign_cause(campaign.id), campaign.created_at)
        self._looked_at_s = time.monotonic()

    def begins_at(self, cursor: int) -> int:
        """Return where the campaign is, whatever an event knows."""
        return self._campaign.cursor

    async def notices(
        self, event: StoredEvent, recipients: Sequence[Recipient]
    ) -> Sequence[Notice]:
        """Return what was written, on the channels that were chosen."""
        return [
            Notice(
                event=event,
                content=self._content,
                recipients=recipients,
                channels=self._channels,
                cause=self._cause,
            )
        ]

    async def may_go_on(self) -> bool:
        """Tell whether it still runs; now and then look how its mails fare."""
        now_s = time.monotonic()
        if now_s >= self._looked_at_s + LOOK_AT_MAILS_EVERY_S:
            self._looked_at_s = now_s
            if await self._flow.pause_if_unwelcome(self._campaign):
                return False
        return await self._flow.is_running(self._campaign)

    async def note(self, passed: Passed) -> None:
        """Count the batch."""
        await self._flow.note(self._campaign, passed)

    async def end(self) -> None:
        """Note that everybody has been told."""
        await self._flow.complete(self._campaign)


def content_of(campaign: Campaign) -> Content:
    """Return what the audience is told."""
    return Content(
        kind=KINDS[campaign.kind],
        title=campaign.title,
        message=campaign.message,
        template=campaign.template,
        campaign_id=campaign.id,
    )


def _is_let_through(row: NotificationRow) -> bool:
    return any(state["status"] != "suppressed" for state in row.channels.values())
