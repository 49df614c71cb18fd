"""What owners are told of reviews."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from actors.flows.plan import NotYet, Plan
from actors.flows.reviews import ReviewCreated, review_received
from storage.businesses import Business, BusinessChange, BusinessNotFound
from storage.events import StoredEvent
from storage.stores import Stores
from tests.storage.samples import NOON, a_business, an_event
from tests.support.world import review


def event(business_id: UUID) -> StoredEvent:
    data = review(business_id, uuid4())
    return an_event(type="review.created", lane="single", data=data).stored(NOON)


async def test_each_review_goes_to_the_owner_of_its_business(stores: Stores) -> None:
    owner_id = uuid4()
    business_id = await a_business(stores, owner_id=str(owner_id))
    (plan,) = await ReviewCreated(stores.businesses).plan([event(business_id)])
    assert isinstance(plan, Plan)
    assert plan.tells[0].recipient_ids == (owner_id,)


async def test_a_review_waits_for_its_business_and_for_who_owns_it(stores: Stores) -> None:
    without_owner = uuid4()
    await stores.businesses.apply([BusinessChange(without_owner, {"name": "Late"}, NOON)])
    known = await a_business(stores)
    plans = await ReviewCreated(stores.businesses).plan(
        [event(uuid4()), event(without_owner), event(known)]
    )
    assert [isinstance(plan, NotYet) for plan in plans] == [True, True, False]
    assert isinstance(plans[1], NotYet)
    assert isinstance(plans[1].cause, BusinessNotFound)
    assert plans[1].cause.business_id == without_owner


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rating": 1}, "Corner Bakery got 1 star."),
        ({"rating": 5, "comment": None}, "Corner Bakery got 5 stars."),
        ({"rating": 4.5, "comment": ""}, "Corner Bakery got 4.5 stars."),
        ({"rating": 4, "comment": "Crisp!"}, "Corner Bakery got 4 stars. “Crisp!”"),
    ],
)
def test_the_text_names_the_business_and_never_the_reviewer(
    fields: dict[str, Any], message: str
) -> None:
    reviewer_id = uuid4()
    data = review(uuid4(), reviewer_id, **fields)
    content = review_received(data, a_bakery())
    assert content.message == message
    assert content.sender_id == reviewer_id


def test_long_names_and_comments_are_cut() -> None:
    data = review(uuid4(), uuid4(), comment="x" * 5_000)
    content = review_received(data, a_bakery(name="y" * 200))
    assert (len(content.title), len(content.message)) == (120, 1_000)


def test_a_business_without_a_name_is_yours() -> None:
    content = review_received(review(uuid4(), uuid4()), a_bakery(name=""))
    assert content.title == "New review for your business"
    assert content.message == "Your business got 4 stars."


def a_bakery(**fields: Any) -> Business:
    known: dict[str, Any] = {
        "id": uuid4(),
        "owner_id": uuid4(),
        "name": "Corner Bakery",
        "logo": None,
        "address": None,
        "rating": None,
        "followers_count": 0,
    }
    return Business(**(known | fields))
