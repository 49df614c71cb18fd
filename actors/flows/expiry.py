"""`listing.expiring`: tell those who showed interest two hours before (contract section 5).

Of our own making, by a schedule, which follows from how the listing stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from actors.flows.audience import Audience
from actors.flows.audiences import Audiences
from actors.flows.content import Content
from actors.flows.fan_out import OneContent
from actors.frames import timestamp
from actors.planning import Planning, as_of, planned_event
from rules.content import MESSAGE_LIMIT, TITLE_LIMIT
from rules.expiry import planned, still_helps, told_at
from rules.ids import schedule_id
from rules.kinds import KINDS
from rules.paths import segment
from rules.text import shorten
from storage.businesses import Business, BusinessesRepository
from storage.events import StoredEvent
from storage.listings import ListingDetails, ListingsRepository
from storage.positions import PositionClock
from storage.schedules import PlannedEvent
from storage.standing import Standing, Telling

EXPIRING = "listing.expiring"


class ExpiryPlans:
    """Plans what is told before listings expire, as they stand."""

    def __init__(self, listings: ListingsRepository, planning: Planning) -> None:
        self._listings = listings
        self._planning = planning

    async def follow(self, listing_ids: Iterable[str]) -> dict[str, Standing]:
        """Plan what is to be told of these, withdraw what is not, and return how they stand."""
        known = await self._listings.standing(listing_ids)
        wanted: list[PlannedEvent] = []
        unwanted: dict[UUID, int] = {}
        for standing in known.values():
            event = _planned(standing)
            if event is None:
                unwanted[schedule_id(EXPIRING, standing.id)] = standing.revision
            else:
                wanted.append(event)
        await self._planning.plan(wanted)
        await self._planning.withdraw(unwanted)
        return known


def _planned(standing: Standing) -> PlannedEvent | None:
    if standing.at is None or standing.announced_at is None or standing.told:
        return None
    at = planned(standing.at, announced_at=standing.announced_at)
    if at is None:
        return None
    return planned_event(
        EXPIRING,
        standing.id,
        type=EXPIRING,
        at=at,
        version=standing.revision,
        data={"listing_id": standing.id, "expiry_date": standing.at.isoformat()},
    )


class ListingExpiring:
    """Plans the fan-out to those who had shown interest by then, once for the time of expiry."""

    def __init__(
        self,
        listings: ListingsRepository,
        businesses: BusinessesRepository,
        audiences: Audiences,
        clock: PositionClock,
    ) -> None:
        self._listings = listings
        self._businesses = businesses
        self._audiences = audiences
        self._clock = clock

    async def plan(self, event: StoredEvent) -> OneContent[Audience] | None:
        """Return whom to tell; None of a listing that is gone, or expires at another time."""
        expiry_date = datetime.fromisoformat(event.data["expiry_date"])
        if not still_helps(expiry_date, at=as_of(event.data) or self._clock.store_now()):
            return None
        telling = Telling(
            id=event.data["listing_id"], what="expiring", at=expiry_date, event_key=event.key
        )
        listing = await self._listings.tell(telling)
        if listing is None or listing.details is None:
            return None
        business = await self._businesses.find(listing.details.business_id)
        audience = await self._audiences.interested(listing.id, by=told_at(expiry_date))
        return OneContent(expiring_listing(listing.id, listing.details, business), audience)


def expiring_listing(
    listing_id: str, details: ListingDetails, business: Business | None
) -> Content:
    """Return what those are told who showed interest."""
    at_whose = f" at {business.name}" if business and business.name else ""
    return Content(
        kind=KINDS["listing_expiring"],
        title=shorten(f"Last chance: {details.name}{at_whose}", TITLE_LIMIT),
        message=shorten(
            f"{details.name} expires within two hours. Collect at {details.pickup_location}.",
            MESSAGE_LIMIT,
        ),
        data={
            "listing_id": listing_id,
            "business_id": str(details.business_id),
            "listing_name": details.name,
            "price": details.price,
            "currency": details.currency,
            "expiry_date": timestamp(details.expiry_date),
            "pickup_location": details.pickup_location,
            "deep_link": f"savenbiteguild://listing/{segment(listing_id)}",
        },
        action_buttons=[
            {
                "text": "View Details",
                "action": "view_listing",
                "url": f"/listings/{segment(listing_id)}",
            }
        ],
        image_url=details.image_url,
        business_id=details.business_id,
        sender_id=business.owner_id if business else None,
    )
