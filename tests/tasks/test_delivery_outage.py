"""A store that goes away while deliveries are on their way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase
from structlog.testing import capture_logs

from rules.deliveries import Permanent, Reason
from rules.kinds import Channel
from rules.lease import Lease
from storage.client import Document, StoreUnavailable, open_client
from storage.encryption import FieldCipher
from storage.positions import PositionClock
from storage.stores import Stores, open_stores
from tasks.cap_check import CapCheck
from tasks.dead_addresses import DeadAddresses
from tasks.delivery import Deliverer
from tasks.letter import EmailAddress
from tasks.pauses import Pauses
from tasks.worker_lease import WorkerLease
from tests.support.relay import Relay, directly, relayed
from tests.support.world import eventually
from tests.tasks.letters import letter
from tests.tasks.senders import RecordingSender, outlet_of
from tests.tasks.works import Works, preparation_of


@pytest.fixture
async def between(
    mongodb_uri: str, database: AsyncIOMotorDatabase[Document], clock: PositionClock
) -> AsyncIterator[tuple[Relay, Stores]]:
    """Give a relay, and the stores behind it."""
    with relayed(mongodb_uri) as passing:
        client = open_client(directly(passing.url), app_name="tests")
        yield passing, open_stores(client[database.name], FieldCipher([b"k" * 32]), clock)
        await client.aclose()


def deliverer_of(
    stores: Stores,
    clock: PositionClock,
    caps: CapCheck,
    sender: RecordingSender,
    waits_s: list[float],
) -> Deliverer:
    return Deliverer(
        deliveries=stores.deliveries,
        preparation=preparation_of(stores, caps),
        outlets={Channel.EMAIL: outlet_of(sender)},
        pauses=Pauses(stores.channels),
        dead_addresses=DeadAddresses(stores.reachability, stores.devices),
        caps=caps,
        lease=WorkerLease(Lease("tests/worker", 1)),
        clock=clock,
        record_waits_s=waits_s,
    )


@pytest.mark.timeout(seconds=180)
@pytest.mark.parametrize("is_back", [True, False])
async def test_what_was_sent_is_recorded_once_the_store_is_back(
    works: Works,
    between: tuple[Relay, Stores],
    clock: PositionClock,
    caps: CapCheck,
    *,
    is_back: bool,
) -> None:
    passing, stores = between
    sender = RecordingSender()
    sender.gate.clear()
    ref = await works.queue(await works.person())
    deliverer = deliverer_of(stores, clock, caps, sender, [0.01] * (200 if is_back else 1))
    carrying = asyncio.create_task(deliverer.carry_out(Channel.EMAIL, [ref]))
    await sender.holds(1)
    passing.vanish()
    sender.gate.set()

    async def is_sent() -> bool:
        return len(sender.sent) == 1

    await eventually(is_sent)
    if is_back:
        passing.appear()
        await carrying
        assert (await works.state(ref))["status"] == "sent"
        return
    with pytest.raises(StoreUnavailable):
        await carrying
    assert deliverer._outlets[Channel.EMAIL].slots.free == 10
    assert (await works.state(ref))["status"] == "sending"
    passing.appear()


@pytest.mark.timeout(seconds=180)
async def test_what_was_not_begun_is_not_sent(
    works: Works, between: tuple[Relay, Stores], clock: PositionClock, caps: CapCheck
) -> None:
    passing, stores = between
    sender = RecordingSender()
    refs = [await works.queue(await works.person()) for _ in range(2)]
    deliverer = deliverer_of(stores, clock, caps, sender, [])
    outlet = deliverer._outlets[Channel.EMAIL]
    assert await outlet.slots.take(10) == 10
    carrying = asyncio.create_task(deliverer.carry_out(Channel.EMAIL, refs))

    async def is_claimed() -> bool:
        return [(await works.state(ref))["status"] for ref in refs] == ["sending"] * 2

    await eventually(is_claimed)
    passing.vanish()
    outlet.slots.give(10)
    with pytest.raises(StoreUnavailable):
        await carrying
    assert sender.sent == []
    assert outlet.slots.free == 10
    passing.appear()


@pytest.mark.timeout(seconds=180)
async def test_an_address_that_cannot_be_noted_is_told_of_again(
    between: tuple[Relay, Stores], clock: PositionClock
) -> None:
    passing, stores = between
    passing.vanish()
    gone = [(EmailAddress("a@example.org"), Permanent("550", Reason.ADDRESS_GONE))]
    with capture_logs() as logs:
        await DeadAddresses(stores.reachability, stores.devices).note(
            Channel.EMAIL, letter(), gone, at=clock.store_now()
        )
    assert [line["event"] for line in logs] == ["dead_address_not_noted"]
    assert "example.org" not in str(logs)
    passing.appear()
