"""What a campaign's event leads to, whatever has become of the campaign meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase

from actors.flows import campaigns
from actors.flows.audiences import Audiences
from actors.flows.campaigns import NOBODY, CampaignFanOut, CampaignStarted, started_event
from actors.flows.fan_out import Overtaken, Passed
from rules.campaigns import CampaignStatus
from rules.recipients import Recipient
from storage.audit_log import AuditFilter
from storage.campaigns import Campaign, CampaignAudience, Counts
from storage.client import Document
from storage.positions import PositionClock
from storage.stores import Stores
from storage.users import ProfileChange
from tests.actors.conftest import cipher, clock, database, stores
from tests.storage.samples import NOON, a_row

__all__ = ["cipher", "clock", "database", "stores"]

SOMEBODY = UUID(int=1)


@pytest.fixture
def flow(stores: Stores, clock: PositionClock) -> CampaignStarted:
    return CampaignStarted(
        stores.campaigns, stores.campaign_mails, stores.audit_log, Audiences(stores), clock
    )


async def kept(stores: Stores, status: str = "running", **changes: Any) -> Campaign:
    campaign = Campaign(
        id=uuid4(),
        name="n",
        title="Title",
        message="Message",
        kind="promotional",
        channels=("in_app", "email"),
        audience=CampaignAudience(user_ids=[SOMEBODY]),
        template="weekly_digest",
        created_at=NOON,
        created_by=uuid4(),
        status=CampaignStatus(status),
        revision=5,
        **changes,
    )
    await stores.users.apply([ProfileChange(SOMEBODY, {"user_type": "ngo"}, NOON)])
    await stores.campaigns.add(campaign)
    return campaign


async def planned(
    flow: CampaignStarted, campaign: Campaign, revision: int = 5
) -> CampaignFanOut | None:
    return await flow.plan(started_event(campaign, revision).stored(NOON))


@pytest.mark.parametrize("status", CampaignStatus)
@pytest.mark.parametrize("revision", [4, 5, 6, 7])
async def test_an_event_has_the_campaign_run_that_it_was_made_for(
    flow: CampaignStarted, stores: Stores, status: CampaignStatus, revision: int
) -> None:
    """Revision 5 is the one that it stands at."""
    campaign = await kept(stores, status)
    fan_out = await planned(flow, campaign, revision)
    begins = revision == 6 and status in ("draft", "scheduled", "paused")
    goes_on = revision == 5 and status == "running"
    assert (fan_out is not None) is (begins or goes_on)
    stands = await stores.campaigns.get(campaign.id)
    assert stands.status == ("running" if begins else status)
    assert stands.revision == (6 if begins else 5)
    assert (stands.started_at is not None) is begins


async def test_of_an_unknown_campaign_nothing_comes(flow: CampaignStarted, stores: Stores) -> None:
    campaign = await kept(stores)
    assert await planned(flow, replace(campaign, id=uuid4())) is None


async def test_everybody_is_told_what_was_written_however_often_it_goes_on(
    flow: CampaignStarted, stores: Stores
) -> None:
    campaign = await kept(stores, cursor=1)
    recipients = [Recipient(user_id=SOMEBODY)]
    causes = set()
    for revision in (5, 5):
        event = started_event(campaign, revision).stored(NOON)
        fan_out = await flow.plan(event)
        assert fan_out is not None
        assert fan_out.begins_at(0) == 1
        (notice,) = await fan_out.notices(event, recipients)
        causes.add(notice.cause)
        assert notice.recipients is recipients
        assert [channel.value for channel in notice.channels or ()] == ["in_app", "email"]
        content = notice.content
        assert (content.title, content.message) == ("Title", "Message")
        assert (content.kind.name, content.template) == ("promotional", "weekly_digest")
        assert (content.campaign_id, content.sender_id) == (campaign.id, None)
    assert len(causes) == 1


async def test_the_audience_is_measured_at_the_beginning(
    flow: CampaignStarted, stores: Stores
) -> None:
    new, old = await kept(stores), await kept(stores, cursor=1, audience_size=9)
    for campaign, size in ((new, 1), (old, 9)):
        await planned(flow, campaign)
        assert (await stores.campaigns.get(campaign.id)).audience_size == size


def passed(cursor: int, to: int, *, failed: int = 0) -> Passed:
    channels = [
        {"in_app": {"status": "delivered"}},
        {"in_app": {"status": "suppressed"}, "email": {"status": "deferred"}},
        {"in_app": {"status": "suppressed"}, "email": {"status": "suppressed"}},
    ]
    return Passed(
        cursor,
        to,
        [a_row(uuid4(), channels=each) for each in channels],
        [Recipient(user_id=uuid4())] * failed,
    )


async def test_a_batch_counts_once(flow: CampaignStarted, stores: Stores) -> None:
    campaign = await kept(stores)
    fan_out = await planned(flow, campaign)
    assert fan_out is not None
    await fan_out.note(passed(0, 7, failed=2))
    for repeated in (passed(0, 7), passed(0, 9)):
        with pytest.raises(Overtaken):
            await fan_out.note(repeated)
    await fan_out.note(passed(7, 8))
    stands = await stores.campaigns.get(campaign.id)
    assert stands.cursor == 8
    assert stands.counts == Counts(created=4, suppressed=2, failed=2)
    assert stands.counts.processed == 8


async def test_it_goes_on_until_somebody_pauses_it(flow: CampaignStarted, stores: Stores) -> None:
    campaign = await kept(stores)
    fan_out = await planned(flow, campaign)
    assert fan_out is not None
    assert await fan_out.may_go_on()
    await stores.campaigns.move(campaign, CampaignStatus.PAUSED, at=NOON)
    assert not await fan_out.may_go_on()
    await fan_out.end()
    assert (await stores.campaigns.get(campaign.id)).status == "paused"


async def test_it_is_completed_with_as_many_as_there_were(
    flow: CampaignStarted, stores: Stores
) -> None:
    campaign = await kept(stores)
    fan_out = await planned(flow, campaign)
    assert fan_out is not None
    await fan_out.note(passed(0, 7))
    await fan_out.end()
    stands = await stores.campaigns.get(campaign.id)
    assert (stands.status, stands.audience_size) == ("completed", 3)
    assert stands.completed_at is not None
    assert await planned(flow, campaign) is None


async def test_one_that_is_given_up_has_failed_and_says_why(
    flow: CampaignStarted, stores: Stores
) -> None:
    campaign, paused = await kept(stores), await kept(stores, "paused")
    for each in (campaign, paused):
        await flow.give_up(started_event(each, 5).stored(NOON), LookupError("of somebody"))
    stands = await stores.campaigns.get(campaign.id)
    assert (stands.status, stands.reason) == ("failed", "LookupError")
    assert (await stores.campaigns.get(paused.id)).status == "paused"


async def mails(
    database: AsyncIOMotorDatabase[Document], campaign_id: UUID, **outcomes: int
) -> None:
    rows = [
        a_row(
            uuid4(),
            campaign_id=campaign_id,
            channels={"email": {"status": outcome}},
        ).to_document()
        for outcome, count in outcomes.items()
        for _ in range(count)
    ]
    await database["notifications"].insert_many(rows)


async def test_it_pauses_by_itself_when_its_mails_bounce(
    flow: CampaignStarted,
    stores: Stores,
    database: AsyncIOMotorDatabase[Document],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(campaigns, "LOOK_AT_MAILS_EVERY_S", 0.0)
    campaign = await kept(stores)
    fan_out = await planned(flow, campaign)
    assert fan_out is not None
    await mails(database, campaign.id, sent=90, delivered=80, bounced=6, complained=1)
    await mails(database, uuid4(), bounced=50)
    assert await fan_out.may_go_on()
    await mails(database, campaign.id, bounced=2)
    assert not await fan_out.may_go_on()
    stands = await stores.campaigns.get(campaign.id)
    assert (stands.status, stands.reason) == ("paused", "8 of 179 emails bounced")
    page = await stores.audit_log.page(
        AuditFilter(actor=NOBODY, action="campaign.pause"), page=1, page_size=10
    )
    (entry,) = [each for each in page.entries if each.target == str(campaign.id)]
    assert entry.details == {"reason": "8 of 179 emails bounced"}
    # Resumed, what was known then is not held against it.
    await stores.campaigns.move(stands, CampaignStatus.RUNNING, at=NOON)
    again = await planned(flow, campaign, 7)
    assert again is not None
    await mails(database, campaign.id, sent=94, bounced=3)
    assert await again.may_go_on()
    await mails(database, campaign.id, complained=3)
    assert not await again.may_go_on()
    assert (await stores.campaigns.get(campaign.id)).reason == "3 of 100 emails were complained of"


async def test_mails_are_looked_at_now_and_then(
    flow: CampaignStarted, stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    campaign = await kept(stores)
    fan_out = await planned(flow, campaign)
    assert fan_out is not None
    await mails(database, campaign.id, bounced=200)
    assert await fan_out.may_go_on()
