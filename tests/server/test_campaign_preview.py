"""What a campaign would be, without its being sent."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from server.service import Service
from tests.support.api import Answer, Api
from tests.support.campaigns import CAMPAIGNS, Admin, a_campaign
from tests.support.world import World


@pytest.fixture
def admin(api: Api) -> Admin:
    return Admin(api)


async def preview(admin: Admin, **changes: Any) -> Answer:
    return await admin.api.post(f"{CAMPAIGNS}preview/", admin.token, a_campaign(**changes))


async def test_a_preview_counts_and_shows_and_sends_nothing(
    world: World, admin: Admin, service: Service
) -> None:
    people = [await world.person(locale="af-ZA") for _ in range(3)]
    answer = await preview(
        admin,
        title="Nuus <b>hier</b>",
        audience={"user_ids": [str(person.id) for person in people], "locales": ["af"]},
    )
    assert answer.status == 200
    assert (answer.body["audience_size"], answer.body["is_exact"]) == (3, True)
    sample = answer.body["sample"]
    assert sample["recipient_id"] in {str(person.id) for person in people}
    assert (sample["locale"], sample["subject"]) == ("af-ZA", "Nuus <b>hier</b>")
    assert (sample["title"], sample["message"]) == ("Nuus <b>hier</b>", "Pickups on Sundays, too.")
    assert 'lang="af"' in sample["html"]
    assert "Nuus &lt;b&gt;hier&lt;/b&gt;" in sample["html"]
    assert "Nuus <b>hier</b>" in sample["text"]
    assert "Thandi" not in sample["html"] + sample["text"]
    assert await service.stores.events.pending_count() == 0
    for person in people:
        assert (await world.inbox(person))["count"] == 0
    assert await service.stores.campaigns.find(people[0].id) is None


async def test_a_preview_for_nobody_shows_what_a_stranger_would_get(admin: Admin) -> None:
    answer = await preview(admin, audience={"user_ids": [str(uuid4())]})
    assert answer.status == 200
    assert answer.body["audience_size"] == 0
    sample = answer.body["sample"]
    assert (sample["recipient_id"], sample["locale"]) == (None, "en")
    assert "New this month" in sample["subject"]


async def test_the_template_decides_how_the_mail_looks(world: World, admin: Admin) -> None:
    audience = {"user_ids": [str((await world.person()).id)]}
    offer = await preview(admin, audience=audience, template="promotional")
    news = await preview(admin, audience=audience)
    for answer, label in ((offer, "Offer"), (news, "News from Save n Bite")):
        assert answer.status == 200
        assert label in answer.body["sample"]["html"]
    unknown = await preview(admin, template="no_such")
    assert (unknown.status, list(unknown.error["details"])) == (400, ["template"])


async def test_a_preview_needs_what_is_said_and_to_whom(admin: Admin) -> None:
    answer = await admin.api.post(f"{CAMPAIGNS}preview/", admin.token, {})
    assert answer.status == 400
    assert sorted(answer.error["details"]) == ["audience", "message", "notification_type", "title"]
