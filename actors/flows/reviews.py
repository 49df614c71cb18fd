"""`review.created`: tell the owner of the business (contract section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from actors.flows.content import Content
from actors.flows.plan import NotYet, Plan, SubjectFlow, Tell
from rules.content import MESSAGE_LIMIT, TITLE_LIMIT
from rules.kinds import KINDS
from rules.paths import segment
from rules.text import shorten
from storage.businesses import Business, BusinessesRepository, BusinessNotFound
from storage.events import StoredEvent


class ReviewCreated(SubjectFlow):
    """Plan what owners are told of reviews."""

    def __init__(self, businesses: BusinessesRepository) -> None:
        self._businesses = businesses

    async def plan(self, events: Sequence[StoredEvent]) -> Sequence[Plan | NotYet]:
        """Find the owners by one look-up; a review that comes before its business waits for it."""
        known = await self._businesses.find_many(
            {UUID(event.data["business_id"]) for event in events}
        )
        return [_plan(event.data, known) for event in events]


def _plan(review: dict[str, Any], known: dict[UUID, Business]) -> Plan | NotYet:
    business_id = UUID(review["business_id"])
    business = known.get(business_id)
    if business is None or business.owner_id is None:
        return NotYet(BusinessNotFound(business_id))
    content = review_received(review, business)
    return Plan(tells=(Tell(content=content, recipient_ids=(business.owner_id,)),))


def review_received(review: dict[str, Any], business: Business) -> Content:
    """Return what the owner of `business` is told of `review`, the data of a `review.created`.

    The reviewer is the sender, by id.
    """
    rating, comment = review["rating"], review.get("comment")
    message = f"{business.name or 'Your business'} got {_stars(rating)}."
    return Content(
        kind=KINDS["review_received"],
        title=shorten(f"New review for {business.name or 'your business'}", TITLE_LIMIT),
        message=shorten(f"{message} “{comment}”" if comment else message, MESSAGE_LIMIT),
        data={
            "review_id": review["review_id"],
            "business_id": review["business_id"],
            "reviewer_id": review["reviewer_id"],
            "rating": rating,
        },
        action_buttons=[
            {
                "text": "View Review",
                "action": "view_review",
                "url": f"/reviews/{segment(review['review_id'])}",
            }
        ],
        business_id=business.id,
        sender_id=UUID(review["reviewer_id"]),
    )


def _stars(rating: float) -> str:
    return "1 star" if rating == 1 else f"{rating:g} stars"
