"""Fan-outs to few in a lane of their own, and the events that lead to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from actors.fan_out_lane import FanOutLane
from actors.flows.audiences import Audiences
from actors.flows.business_updates import BusinessUpdatePosted
from actors.flows.content import Content
from actors.flows.registry import fan_out_flows
from actors.loop_ref import LoopActorRef
from actors.planning import Planning
from actors.small_fan_outs import SmallFanOuts
from rules.events import Lane
from storage.businesses import Business
from storage.client import StoreUnavailable
from storage.events import NewEvent, StoredEvent
from storage.follow_changes import ChangeFollow
from storage.stores import Stores
from tests.actors.lanes.works import Works
from tests.storage.samples import a_business, an_event

POSTED = "business_update.posted"


class Updates(BusinessUpdatePosted):
    """What businesses write, but for what cannot be told; keeps by which calls it was asked."""

    def __init__(self, stores: Stores) -> None:
        super().__init__(stores.businesses, Audiences(stores))
        self.asked: list[int] = []
        self.away = 0
        self.once_planned: Callable[[], Awaitable[None]] | None = None

    async def plan_all(self, events: Any) -> Any:
        self.asked.append(len(events))
        if self.away:
            self.away -= 1
            raise StoreUnavailable("away")
        planned = await super().plan_all(events)
        if self.once_planned is not None:
            await self.once_planned()
        return planned

    def content(self, event: StoredEvent, business: Business) -> Content:
        if event.data["title"] == "bad":
            raise LookupError("bad")
        return super().content(event, business)


class SmallWorks:
    """A lane that takes in small fan-outs, beside what other tests of lanes have."""

    def __init__(self, works: Works) -> None:
        self.works = works
        self.stores = works.stores
        self.updates = Updates(works.stores)
        planning = Planning(works.stores.schedules, lambda _: None, works.clock, works.tally)
        self.flows = {
            **fan_out_flows(works.stores, works.publisher._names, planning, works.clock),
            POSTED: self.updates,
        }
        self.small = SmallFanOuts(
            flows=self.flows,
            events=works.stores.events,
            users=works.stores.users,
            publisher=works.publisher,
            clock=works.clock,
            lease=works.lease,
            tally=works.tally,
        )

    def start(self) -> LoopActorRef[Any]:
        return FanOutLane.start(
            flows=self.flows,
            events=self.works.events_of_lanes,
            publisher=self.works.publisher,
            clock=self.works.clock,
            lease=self.works.lease,
            workload=self.works.lanes.renew(Lane.FAN_OUT, self.works.limit),
            on_room=self.works._count_room,
            tally=self.works.tally,
            is_alone=lambda: True,
            small=self.small,
            store_waits_s=(0.01, 0.01),
        )

    async def followed_by(self, count: int) -> tuple[UUID, set[UUID]]:
        business_id = await a_business(self.stores)
        ids = [uuid4() for _ in range(count)]
        await self.stores.following.carry_out(
            [
                ChangeFollow(
                    user_id=user_id, business_id=business_id, is_follow=True, user_type="ngo"
                )
                for user_id in ids
            ]
        )
        return business_id, set(ids)

    async def told(self, event: NewEvent) -> set[UUID]:
        rows = await self.stores.notifications._rows.find({"event_id": event.key})
        return {row["recipient_id"] for row in rows}

    async def owned(self, *events: NewEvent) -> list[StoredEvent]:
        """Store `events` as this process's own, in no lane's hand."""
        at = self.works.clock.store_now()
        await self.stores.events.accept(
            [replace(event, lease=self.works.lease) for event in events], accepted_at=at
        )
        return [event.stored(at) for event in events]


def posted(business_id: UUID, title: str = "News") -> NewEvent:
    return an_event(
        type=POSTED,
        data={
            "business_id": str(business_id),
            "title": title,
            "message": "We open at seven.",
            "data": {},
            "image_url": None,
        },
    )


def listed(business_id: UUID, listing_id: str) -> NewEvent:
    return an_event(
        type="listing.created",
        data={
            "listing_id": listing_id,
            "business_id": str(business_id),
            "name": "Sourdough",
            "price": "25.00",
            "expiry_date": "2027-11-22T18:00:00Z",
            "pickup_location": "12 Long Street",
        },
    )
