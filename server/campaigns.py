"""Take campaigns in, and have them run, wait, pause and end (contract section 2.6).

What runs is an event, stored before the campaign's status says so: a kill in between leaves
somebody who makes up for it, and never a campaign that says it runs while nobody carries it out.
Errors: `CampaignConflict`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from actors.dispatcher import Accept, Dispatcher
from actors.flows.audience_size import AudienceSize, size_of
from actors.flows.audiences import Audiences
from actors.flows.campaigns import started_event
from actors.loop_ref import LoopActorRef
from rules.campaigns import CampaignAction, CampaignStatus, status_after
from storage.campaigns import Campaign, CampaignAudience, CampaignsRepository
from storage.positions import PositionClock
from storage.schedules import PlannedEvent, SchedulesRepository

ACCEPT_DEADLINE_S = 15.0

UNDER_WAY = frozenset({CampaignStatus.RUNNING, CampaignStatus.COMPLETED, CampaignStatus.FAILED})
"""Where a campaign may stand that somebody else had run before we could say that it does."""


class CampaignConflict(Exception):
    """What is wanted of a campaign is not possible as it stands."""

    def __init__(self, campaign: Campaign, action: CampaignAction) -> None:
        super().__init__(f"campaign {campaign.id} is {campaign.status}, and cannot {action}")
        self.campaign = campaign
        self.action = action


class Campaigns:
    """Does with campaigns what admins want; `on_planned` is called with the time of a later one."""

    def __init__(
        self,
        *,
        campaigns: CampaignsRepository,
        schedules: SchedulesRepository,
        audiences: Audiences,
        dispatcher: Callable[[], LoopActorRef[Dispatcher]],
        clock: PositionClock,
        on_planned: Callable[[datetime], None],
    ) -> None:
        self._campaigns = campaigns
        self._schedules = schedules
        self._audiences = audiences
        self._dispatcher = dispatcher
        self._clock = clock
        self._on_planned = on_planned

    async def size(self, audience: CampaignAudience) -> AudienceSize:
        """Return how many an audience has."""
        return await size_of(await self._audiences.campaign(audience))

    async def create(self, campaign: Campaign, *, is_draft: bool) -> Campaign:
        """Keep `campaign`, and start it unless it is a draft; one that is there goes on from there.

        Returns it as it stands then.
        """
        size = await self.size(campaign.audience)
        await self._campaigns.add(replace(campaign, audience_size=size.count))
        kept = await self._campaigns.get(campaign.id)
        if is_draft or kept.status is not CampaignStatus.DRAFT:
            return kept
        return await self.act(kept, CampaignAction.START)

    def next_status(self, campaign: Campaign, action: CampaignAction) -> CampaignStatus:
        """Return where `action` leads now. Raises CampaignConflict."""
        status = status_after(
            action, campaign.status, send_at=campaign.send_at, now=self._clock.store_now()
        )
        if status is None:
            raise CampaignConflict(campaign, action)
        return status

    async def act(self, campaign: Campaign, action: CampaignAction) -> Campaign:
        """Do with a campaign, as it was read, what is wanted; return it as it stands then.

        Raises CampaignConflict, also when it stands otherwise by now.
        """
        status = self.next_status(campaign, action)
        if status is CampaignStatus.RUNNING:
            await self._dispatcher().request(
                Accept([started_event(campaign, campaign.revision + 1)]),
                deadline_s=ACCEPT_DEADLINE_S,
            )
        elif status is CampaignStatus.SCHEDULED:
            await self._plan(campaign)
        is_ours = await self._campaigns.move(campaign, status, at=self._clock.store_now())
        if is_ours and campaign.status is CampaignStatus.SCHEDULED:
            await self._schedules.withdraw({campaign.id: campaign.revision + 1})
        stands = await self._campaigns.get(campaign.id)
        is_done = is_ours or (status is CampaignStatus.RUNNING and stands.status in UNDER_WAY)
        if not is_done:
            raise CampaignConflict(stands, action)
        return stands

    async def _plan(self, campaign: Campaign) -> None:
        """Have it run at its time, by the change after this one, if there is no other till then."""
        assert campaign.send_at is not None
        planned = PlannedEvent(
            id=campaign.id,
            at=campaign.send_at,
            event=started_event(campaign, campaign.revision + 2),
            version=campaign.revision + 1,
        )
        await self._schedules.plan([planned])
        self._on_planned(campaign.send_at)
