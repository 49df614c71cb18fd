"""What is kept of businesses, and what followers may want to know of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from actors.flows.audiences import Audiences
from actors.flows.business_changes import CHANGED, BusinessProfileChanged
from actors.flows.profiles import BusinessProfiles
from actors.follow_ups import FollowUps
from rules.ids import event_key
from rules.lease import Lease
from storage.events import StoredEvent
from storage.stores import Stores
from tests.storage.samples import MINUTE, NOON, an_event

OURS = Lease("here", 1)


def said(what: str, business_id: UUID, **fields: Any) -> StoredEvent:
    return an_event(
        type=f"business.{what}",
        lane="read_model",
        data={"id": str(business_id), **fields},
        occurred_at=NOON + MINUTE if what == "updated" else NOON,
    ).stored(NOON)


async def applied(stores: Stores, *batches: Sequence[StoredEvent]) -> int:
    """Return how often what followed from `batches` was handed over."""
    claims: list[None] = []
    follow_ups = FollowUps(stores.events, lambda: claims.append(None))
    flow = BusinessProfiles(stores.businesses, (), follow_ups)
    for batch in batches:
        await flow.apply(batch)
    return len(claims)


async def taken(stores: Stores) -> list[StoredEvent]:
    """Take all that waits to be told to followers."""
    return await stores.events.claim_unowned(OURS, lanes=["fan_out"], limit=10, now=NOON)


async def test_followers_are_told_what_is_new_of_what_is_known(stores: Stores) -> None:
    business_id, owner_id = uuid4(), str(uuid4())
    created = said("created", business_id, name="Mario's", owner_id=owner_id)
    updated = said("updated", business_id, name="Luigi's")
    assert await applied(stores, [created], [updated]) == 1
    (news,) = await taken(stores)
    assert (news.key, news.type) == (event_key(updated.key, CHANGED), CHANGED)
    assert (news.accepted_at, news.occurred_at) == (updated.accepted_at, updated.occurred_at)
    changes = {"name": {"before": "Mario's", "now": "Luigi's"}}
    assert news.data == {"business_id": str(business_id), "changes": changes}

    plan = await BusinessProfileChanged(stores.businesses, Audiences(stores)).plan(news)
    assert plan is not None
    assert plan.content.title == "Mario's is now Luigi's"


async def test_what_is_told_of_a_change_is_stored_once_however_often_it_is_applied(
    stores: Stores,
) -> None:
    business_id = uuid4()
    created = said("created", business_id, name="Mario's", owner_id=str(uuid4()))
    updated = said("updated", business_id, rating=4.5)
    await applied(stores, [created])
    assert await applied(stores, [updated]) == 1
    assert len(await taken(stores)) == 1
    assert await applied(stores, [updated]) == 0
    assert await taken(stores) == []


async def test_nobody_is_told_of_what_is_not_known_or_not_new(stores: Stores) -> None:
    known, unknown = uuid4(), uuid4()
    created = said("created", known, name="Mario's", owner_id=str(uuid4()))
    again, of_another = said("updated", known, name="Mario's"), said("updated", unknown, name="New")
    assert await applied(stores, [created], [again, of_another]) == 0
    assert await taken(stores) == []
