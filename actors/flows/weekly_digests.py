"""`weekly_digest.due`: tell the users of a time zone of their week (contract section 5).

What each is told is their own: what the businesses that they follow offer, and what they have not
read. Whoever has nothing of it, or does not want it, is told nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from itertools import chain
from typing import Any
from uuid import UUID

from actors.flows.audience import Audience
from actors.flows.audiences import Audiences
from actors.flows.content import Content
from actors.flows.on_offer import OnOffer
from actors.notice import Notice
from rules.ids import digest_key
from rules.kinds import KINDS
from rules.recipients import Recipient
from rules.segments import Segment
from rules.weekly_digest import A_WEEK, MOST_LISTINGS
from storage.collection import portions
from storage.events import StoredEvent
from storage.listings import Listing
from storage.names import NameResolver, Names
from storage.positions import PositionClock
from storage.stores import Stores

ASKED_AT_ONCE = 20
"""Recipients of whom each is asked for by a query of their own, side by side."""

TITLE = "Your week at Save n Bite"
MESSAGE = "Here is what you may have missed this week."


@dataclass(frozen=True, slots=True)
class Unread:
    """What somebody has not read: lately, by kind, and in all."""

    recently: Counter[str]
    count: int = 0


class WeeklyDigestDue:
    """Plans the digests of a week in one time zone."""

    def __init__(
        self, stores: Stores, names: NameResolver, audiences: Audiences, clock: PositionClock
    ) -> None:
        self._stores = stores
        self._names = names
        self._audiences = audiences
        self._clock = clock
        self._on_offer = OnOffer(stores.listings)

    async def plan(self, event: StoredEvent) -> Digests | None:
        """Return the digests, None when they come too late to help."""
        if self._clock.store_now() >= datetime.fromisoformat(event.data["until"]):
            return None
        audience = await self._audiences.users(Segment(timezone=event.data["timezone"]))
        return Digests(audience, self._stores, self._names, self._on_offer, self._clock)


class Digests:
    """The digests of one event."""

    def __init__(
        self,
        audience: Audience,
        stores: Stores,
        names: NameResolver,
        on_offer: OnOffer,
        clock: PositionClock,
    ) -> None:
        self.audience = audience
        self._stores = stores
        self._names = names
        self._on_offer = on_offer
        self._clock = clock

    async def notices(
        self, event: StoredEvent, recipients: Sequence[Recipient]
    ) -> Sequence[Notice]:
        """Return a notice each for those who want a digest and have something to be told."""
        now = self._clock.store_now()
        wanting = [each for each in recipients if each.preferences.weekly_digest]
        if not wanting or now >= datetime.fromisoformat(event.data["until"]):
            return ()
        listings = await self._listings(wanting, now)
        unread = await self._unread([each.user_id for each in wanting], listings, now)
        names = await self._names.resolve(
            businesses=(
                listing.details.business_id
                for offered in listings.values()
                for listing in offered
                if listing.details
            )
        )
        week = _whole_week(event)
        return [
            Notice(
                event=week,
                content=_content(
                    event, listings.get(each.user_id, ()), unread[each.user_id], names
                ),
                recipients=(each,),
            )
            for each in wanting
            if each.user_id in unread
        ]

    async def _listings(
        self, recipients: Sequence[Recipient], now: datetime
    ) -> dict[UUID, list[Listing]]:
        """Return what each is offered by whom they follow, what goes first first."""
        following = await self._stores.users.following_of([each.user_id for each in recipients])
        for each in recipients:
            muted = each.preferences.muted_businesses
            if muted and each.user_id in following:
                following[each.user_id] = [
                    business for business in following[each.user_id] if str(business) not in muted
                ]
        offers = await self._on_offer.of(chain.from_iterable(following.values()), at=now)
        offered = {
            user_id: sorted(
                chain.from_iterable(offers.get(business, ()) for business in businesses),
                key=_goes_at,
            )
            for user_id, businesses in following.items()
        }
        return {user_id: listings for user_id, listings in offered.items() if listings}

    async def _unread(
        self, ids: Sequence[UUID], listings: Mapping[UUID, Sequence[Listing]], now: datetime
    ) -> dict[UUID, Unread]:
        """Return what each has not read; absent is who has nothing to be told at all."""

        async def ask(user_id: UUID) -> Unread | None:
            recently = await self._stores.recent_unread.of(user_id, since=now - A_WEEK)
            if not recently and user_id not in listings:
                return None
            return Unread(recently, await self._stores.notifications.unread_count(user_id))

        found: dict[UUID, Unread] = {}
        for some in portions(ids, ASKED_AT_ONCE):
            answers = await asyncio.gather(*map(ask, some))
            found |= {
                user_id: unread
                for user_id, unread in zip(some, answers, strict=True)
                if unread is not None
            }
        return found


def _whole_week(event: StoredEvent) -> StoredEvent:
    """Return what a digest comes from, whatever the time zone: one a user and week has one row."""
    monday = date.fromisoformat(event.data["monday"])
    return replace(event, key=digest_key(monday), accepted_at=datetime.combine(monday, time(), UTC))


def _goes_at(listing: Listing) -> tuple[datetime, str]:
    assert listing.details is not None
    return listing.details.expiry_date, listing.id


def _content(
    event: StoredEvent, listings: Sequence[Listing], unread: Unread, names: Names
) -> Content:
    return Content(
        kind=KINDS["weekly_digest"],
        title=TITLE,
        message=MESSAGE,
        data={
            "week": event.data["monday"],
            "until": event.data["until"],
            "listings": [_shown(listing, names) for listing in listings[:MOST_LISTINGS]],
            "offers": len(listings),
            "unread_count": unread.count,
            "recently_unread": unread.recently.total(),
            "missed_pickups": unread.recently["pickup_missed"],
            "unread_reminders": unread.recently["pickup_reminder"],
        },
        action_buttons=[{"text": "See everything", "action": "open", "url": "/listings"}],
    )


def _shown(listing: Listing, names: Names) -> dict[str, Any]:
    details = listing.details
    assert details is not None
    business = names.businesses.get(details.business_id)
    return {
        "listing_id": listing.id,
        "listing_name": details.name,
        "business_id": str(details.business_id),
        "business_name": business.name if business else None,
        "price": details.price,
        "currency": details.currency,
        "expiry_date": details.expiry_date.isoformat(),
    }
