"""What can be done with a campaign, from each of the statuses it may stand at."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from rules.campaigns import ENDED, POSSIBLE, CampaignAction, CampaignStatus
from server.campaigns import CampaignConflict
from server.service import Service
from storage.campaigns import Campaign, CampaignAudience
from tests.support.api import Api
from tests.support.campaigns import Admin
from tests.support.world import World

LEADS_TO = {
    CampaignAction.START: {"running", "completed"},
    CampaignAction.PAUSE: {"paused"},
    CampaignAction.RESUME: {"running", "completed"},
    CampaignAction.CANCEL: {"cancelled"},
}


@pytest.fixture
def admin(api: Api) -> Admin:
    return Admin(api)


async def standing(service: Service, status: CampaignStatus) -> Campaign:
    """Make a campaign for nobody that stands at `status`."""
    now = service.clock.store_now()
    campaign = Campaign(
        id=uuid4(),
        name="n",
        title="t",
        message="m",
        kind="promotional",
        channels=("in_app",),
        audience=CampaignAudience(user_ids=[uuid4()]),
        created_at=now,
        created_by=uuid4(),
        status=status,
        revision=4,
    )
    await service.stores.campaigns.add(campaign)
    return campaign


@pytest.mark.parametrize("action", CampaignAction)
@pytest.mark.parametrize("status", CampaignStatus)
async def test_an_action_is_possible_from_some_statuses_and_a_conflict_from_others(
    admin: Admin, service: Service, status: CampaignStatus, action: CampaignAction
) -> None:
    campaign = await standing(service, status)
    answer = await admin.asks(str(campaign.id), action)
    records = await admin.api.get(f"/api/audit-log/?actor_id={admin.id}", admin.token)
    if status in POSSIBLE[action]:
        assert answer.status == 200
        assert answer.body["status"] in LEADS_TO[action]
        assert (answer.body["completed_at"] is None) is (answer.body["status"] not in ENDED)
        assert records.body["count"] == 1
    else:
        assert (answer.status, answer.error["code"]) == (409, "CONFLICT")
        assert answer.error["details"] == {"status": status}
        assert (await admin.sees(str(campaign.id)))["status"] == status
        assert records.body["count"] == 0


async def test_a_paused_campaign_whose_time_is_ahead_is_scheduled_again(
    world: World, admin: Admin, service: Service
) -> None:
    person = await world.person()
    send_at = service.clock.store_now() + timedelta(seconds=3)
    made = await admin.makes(audience={"user_ids": [str(person.id)]}, send_at=send_at.isoformat())
    assert (await admin.does(made["id"], "pause"))["status"] == "paused"
    assert await service.stores.schedules.waiting_count() == 0
    assert (await admin.does(made["id"], "resume"))["status"] == "scheduled"
    done = await admin.waits_for(made["id"])
    assert datetime.fromisoformat(done["started_at"]) >= datetime.fromisoformat(done["send_at"])
    await world.told(person)


async def test_a_paused_campaign_whose_time_passes_runs_once_it_is_resumed(
    world: World, admin: Admin, service: Service
) -> None:
    person, witness = await world.person(), await world.person()
    send_at = service.clock.store_now() + timedelta(seconds=1)
    of_person = {"user_ids": [str(person.id)]}
    made = await admin.makes(audience=of_person, send_at=send_at.isoformat())
    await admin.does(made["id"], "pause")
    # One of the same time, by which it is known that the time has passed.
    other = await admin.makes(audience={"user_ids": [str(witness.id)]}, send_at=send_at.isoformat())
    await admin.waits_for(other["id"])
    assert (await admin.sees(made["id"]))["status"] == "paused"
    assert (await world.inbox(person))["count"] == 0
    await admin.does(made["id"], "resume")
    await admin.waits_for(made["id"])
    await world.told(person)


async def test_a_cancelled_campaign_never_runs(
    world: World, admin: Admin, service: Service
) -> None:
    person = await world.person()
    send_at = service.clock.store_now() + timedelta(hours=1)
    made = await admin.makes(audience={"user_ids": [str(person.id)]}, send_at=send_at.isoformat())
    await admin.does(made["id"], "cancel")
    assert await service.stores.schedules.waiting_count() == 0
    answer = await admin.asks(made["id"], "resume")
    assert answer.status == 409


async def test_of_those_who_act_at_once_one_does_and_the_others_hear_how_it_stands(
    admin: Admin, service: Service
) -> None:
    campaign = await standing(service, CampaignStatus.PAUSED)
    answers = await asyncio.gather(
        *(admin.asks(str(campaign.id), "cancel") for _ in range(5)),
    )
    assert sorted(answer.status for answer in answers) == [200, 409, 409, 409, 409]
    assert (await admin.sees(str(campaign.id)))["status"] == "cancelled"


async def test_what_stands_otherwise_by_now_is_a_conflict(admin: Admin, service: Service) -> None:
    campaign = await standing(service, CampaignStatus.PAUSED)
    await admin.does(str(campaign.id), "cancel")
    with pytest.raises(CampaignConflict) as caught:
        await service.campaigns.act(campaign, CampaignAction.RESUME)
    assert caught.value.campaign.status is CampaignStatus.CANCELLED
    unmoved = replace(campaign, id=uuid4(), revision=0)
    await service.stores.campaigns.add(unmoved)
    assert (await service.campaigns.act(unmoved, CampaignAction.CANCEL)).revision == 1
