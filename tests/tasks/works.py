"""A worker's parts over the real store, with channels that tests hold in their hands."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from rules.kinds import Channel
from rules.lease import Lease
from storage.names import NameResolver
from storage.notifications import NotificationRow
from storage.positions import PositionClock
from storage.stores import Stores
from storage.users import ProfileChange
from tasks.cap_check import CapCheck
from tasks.dead_addresses import DeadAddresses
from tasks.delivery import GATHER_S, Deliverer
from tasks.news import News
from tasks.pauses import Pauses
from tasks.preparation import Preparation
from tasks.worker_lease import WorkerLease
from tests.tasks.senders import RecordingSender, outlet_of

OVERDUE = timedelta(seconds=-5)
OURS = Lease("tests/worker", 1)


@dataclass(slots=True, kw_only=True)
class Works:
    """Everything between a ref and a provider."""

    stores: Stores
    clock: PositionClock
    lease: WorkerLease
    senders: dict[Channel, RecordingSender] = field(init=False)
    caps: CapCheck
    concurrency: int = 10
    gather_s: float = GATHER_S
    deliverer: Deliverer = field(init=False)
    pauses: Pauses = field(init=False)

    def __post_init__(self) -> None:
        # By a clock on which every look is late enough to ask anew.
        self.pauses = Pauses(self.stores.channels, clock=itertools.count().__next__)
        self.senders = {
            channel: RecordingSender() for channel in (Channel.EMAIL, Channel.PUSH, Channel.SMS)
        }
        self.deliverer = Deliverer(
            deliveries=self.stores.deliveries,
            preparation=preparation_of(self.stores, self.caps),
            outlets={
                channel: outlet_of(sender, concurrency=self.concurrency)
                for channel, sender in self.senders.items()
            },
            pauses=self.pauses,
            dead_addresses=DeadAddresses(self.stores.reachability, self.stores.devices),
            caps=self.caps,
            lease=self.lease,
            clock=self.clock,
            chance=lambda: 0.0,
            gather_s=self.gather_s,
        )

    async def person(self, **profile: str | None) -> UUID:
        """Register somebody with an address and a number, awake at all hours."""
        user_id = uuid4()
        fields = {
            "name": "Thandi Nkosi",
            "user_type": "customer",
            "email": f"{user_id}@example.org",
            "phone": "+27821234567",
            **profile,
        }
        await self.stores.users.apply([ProfileChange(user_id, fields, self.clock.store_now())])
        await self.prefer(user_id, quiet_hours={"enabled": False})
        return user_id

    async def prefer(self, user_id: UUID, **preferences: Any) -> None:
        """Set preferences."""
        await self.stores.users.change_preferences(
            user_id, preferences, user_type="customer", at=self.clock.store_now()
        )

    async def device(self, user_id: UUID, token: str) -> UUID:
        """Register a device."""
        device, _ = await self.stores.devices.register(
            user_id, token, {"platform": "android"}, user_type="customer", at=self.clock.store_now()
        )
        return device.id

    async def queue(
        self,
        recipient_id: UUID,
        channel: Channel = Channel.EMAIL,
        *,
        due_in: timedelta = OVERDUE,
        status: str = "queued",
        **row: Any,
    ) -> tuple[UUID, UUID]:
        """Insert a notification whose `channel` waits as a server leaves it; return its ref."""
        with self.clock.writing() as position:
            state = {"status": status, "due_at": position.created_at + due_in}
            values: dict[str, Any] = {
                "id": uuid4(),
                "recipient_id": recipient_id,
                "event_id": uuid4(),
                "kind": "review_received",
                "writer": "tests#1",
                "created_at": position.created_at,
                "floor": position.floor,
                "in_app": True,
                "title": "A new review",
                "message": "Corner Bakery was rated 5.",
                "channels": {channel.value: state},
            }
            made = NotificationRow(**(values | row))
            await self.stores.notifications.insert([made])
        return made.recipient_id, made.id

    async def state(
        self, ref: tuple[UUID, UUID], channel: Channel = Channel.EMAIL
    ) -> dict[str, Any]:
        """Return how a delivery stands."""
        row = await self.stores.notifications.find(*ref)
        assert row is not None
        return dict(row.channels[channel.value])

    async def waiting(self, count: int) -> list[tuple[UUID, UUID]]:
        """Have so many mails wait, each to somebody else; return their refs."""
        return [await self.queue(await self.person()) for _ in range(count)]

    async def statuses(self, refs: Iterable[tuple[UUID, UUID]]) -> list[str]:
        """Return how these mails stand, in the order of the alphabet."""
        return sorted([(await self.state(ref))["status"] for ref in refs])


def preparation_of(stores: Stores, caps: CapCheck) -> Preparation:
    return Preparation(
        contacts=stores.contacts,
        reachability=stores.reachability,
        deliveries=stores.deliveries,
        names=NameResolver(stores.users, stores.businesses),
        caps=caps,
        news=News(stores.pickups, stores.listings),
    )
