"""`listing.*`: keep what is offered, and tell followers of what is new (contract section 3)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from actors.flows.audiences import Audiences
from actors.flows.content import Content
from actors.flows.expiry import ExpiryPlans
from actors.flows.fan_out import BusinessFlow, ToFollowers
from actors.flows.plan import ReadModelFlow
from rules.content import MESSAGE_LIMIT, TITLE_LIMIT
from rules.kinds import KINDS
from rules.paths import segment
from rules.text import shorten
from storage.businesses import Business, BusinessesRepository
from storage.events import StoredEvent
from storage.listings import ListingChange, ListingDetails, ListingsRepository
from storage.positions import PositionClock
from storage.standing import Standing


class ListingCreated(BusinessFlow):
    """Keep a new listing, plan its fan-out, and what is told before it expires."""

    def __init__(
        self,
        listings: ListingsRepository,
        businesses: BusinessesRepository,
        audiences: Audiences,
        plans: ExpiryPlans,
        clock: PositionClock,
    ) -> None:
        super().__init__(businesses, audiences)
        self._listings = listings
        self._plans = plans
        self._clock = clock

    async def plan_all(self, events: Sequence[StoredEvent]) -> list[ToFollowers | None]:
        """Keep the listings, whether or not there is anybody to tell; of removed ones nobody is."""
        changes = [
            ListingChange(
                listing_id=event.data["listing_id"],
                occurred_at=event.occurred_at,
                accepted_at=event.accepted_at,
                details=_details(event.data),
            )
            for event in events
        ]
        standing, planned = await asyncio.gather(self._kept(changes), super().plan_all(events))
        return [
            None if standing[change.listing_id].at is None else each
            for change, each in zip(changes, planned, strict=True)
        ]

    async def _kept(self, changes: Sequence[ListingChange]) -> dict[str, Standing]:
        """Keep the listings and what is planned for them; return how they stand."""
        await self._listings.apply(changes, at=self._clock.store_now())
        return await self._plans.follow({change.listing_id for change in changes})

    def content(self, event: StoredEvent, business: Business) -> Content:
        """Return what is new."""
        return new_listing(event.data, business)


class ListingRemovals(ReadModelFlow):
    """`listing.removed`."""

    def __init__(
        self, listings: ListingsRepository, plans: ExpiryPlans, clock: PositionClock
    ) -> None:
        self._listings = listings
        self._plans = plans
        self._clock = clock

    async def apply(self, events: Sequence[StoredEvent]) -> None:
        """Store which listings are removed, and withdraw what was planned for them."""
        changes = [
            ListingChange(
                listing_id=event.data["listing_id"],
                occurred_at=event.occurred_at,
                accepted_at=event.accepted_at,
            )
            for event in events
        ]
        await self._listings.apply(changes, at=self._clock.store_now())
        await self._plans.follow({change.listing_id for change in changes})


def _details(listing: dict[str, Any]) -> ListingDetails:
    return ListingDetails(
        business_id=UUID(listing["business_id"]),
        name=listing["name"],
        description=listing.get("description"),
        price=listing["price"],
        currency=listing.get("currency", "ZAR"),
        expiry_date=datetime.fromisoformat(listing["expiry_date"]),
        pickup_location=listing["pickup_location"],
        image_url=listing.get("image_url"),
    )


def new_listing(listing: dict[str, Any], business: Business) -> Content:
    """Return what followers are told of `listing`, the data of a `listing.created`."""
    listing_id = listing["listing_id"]
    currency = listing.get("currency", "ZAR")
    price = f"R{listing['price']}" if currency == "ZAR" else f"{currency} {listing['price']}"
    return Content(
        kind=KINDS["new_listing"],
        title=shorten(f"{listing['name']} at {business.name}", TITLE_LIMIT),
        message=shorten(
            f"{business.name} just posted {listing['name']} for {price}. "
            f"Collect at {listing['pickup_location']}.",
            MESSAGE_LIMIT,
        ),
        data={
            "listing_id": listing_id,
            "business_id": str(business.id),
            "listing_name": listing["name"],
            "price": listing["price"],
            "currency": currency,
            "expiry_date": listing["expiry_date"],
            "pickup_location": listing["pickup_location"],
            "deep_link": f"savenbiteguild://listing/{segment(listing_id)}",
        },
        action_buttons=[
            {
                "text": "View Details",
                "action": "view_listing",
                "url": f"/listings/{segment(listing_id)}",
            },
            {"text": "Add to Cart", "action": "add_to_cart", "listing_id": listing_id},
        ],
        image_url=listing.get("image_url"),
        business_id=business.id,
        sender_id=business.owner_id,
    )
