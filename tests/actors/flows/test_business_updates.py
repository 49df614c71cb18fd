"""What followers are told that a business wrote."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from actors.flows.audiences import Audiences
from actors.flows.business_updates import BusinessUpdatePosted
from actors.flows.followers import FollowersOf
from storage.businesses import BusinessChange
from storage.stores import Stores
from tests.storage.samples import NOON, an_event


async def test_followers_get_what_was_written_in_the_name_of_the_business(stores: Stores) -> None:
    business_id, owner_id = uuid4(), uuid4()
    said = {"name": "Corner Bakery", "owner_id": str(owner_id)}
    await stores.businesses.apply([BusinessChange(business_id, said, NOON)])
    await stores.businesses.count_followers({business_id: 1})
    written: dict[str, Any] = {
        "title": "Closed on Monday",
        "message": "We are back on Tuesday.",
        "data": {"week": 48},
        "image_url": "https://img.example/closed.png",
    }
    data = {"business_id": str(business_id), **written}
    flow = BusinessUpdatePosted(stores.businesses, Audiences(stores))
    fan_out = await flow.plan(an_event(data=data).stored(NOON))
    assert fan_out is not None
    assert isinstance(fan_out.audience, FollowersOf)
    assert (fan_out.audience.business_id, fan_out.audience.expected) == (business_id, 1)
    content = fan_out.content
    assert content.kind.name == "business_update"
    assert {name: getattr(content, name) for name in written} == written
    assert (content.business_id, content.sender_id) == (business_id, owner_id)
