from __future__ import annotations

from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from rules.kinds import Channel
from storage import client as store_client
from storage.notifications import NotificationsRepository
from storage.positions import PositionClock
from storage.stores import Stores
from tasks import delivery
from tasks.delivery import deliver_on, settle
from tasks.queue import DeliveryRef
from tasks.runtime import LoopThread
from tests.tasks.conftest import insert_waiting

SUPPRESSED = {"status": "suppressed", "reason": "no_provider", "attempts": 0}


async def test_what_nobody_sends_is_settled_as_that(stores: Stores, clock: PositionClock) -> None:
    refs = await insert_waiting(stores, clock, 3)
    untouched = await insert_waiting(stores, clock, 1)
    assert await settle(refs, stores.notifications) == 6
    for ref in refs:
        row = await stores.notifications.find(ref.recipient_id, ref.notification_id)
        assert row is not None
        assert row.channels == {"email": SUPPRESSED, "push": SUPPRESSED}
    row = await stores.notifications.find(untouched[0].recipient_id, untouched[0].notification_id)
    assert row is not None
    assert {state["status"] for state in row.channels.values()} == {"queued"}


async def test_what_was_deferred_is_settled_once_it_is_queued(
    stores: Stores, clock: PositionClock
) -> None:
    (ref,) = await insert_waiting(stores, clock, 1, channels=[Channel.EMAIL], status="deferred")
    assert await settle([ref], stores.notifications) == 1
    row = await stores.notifications.find(ref.recipient_id, ref.notification_id)
    assert row is not None
    assert row.channels == {"email": SUPPRESSED}


async def test_a_chunk_carried_out_twice_changes_nothing_twice(
    stores: Stores, clock: PositionClock
) -> None:
    refs = await insert_waiting(stores, clock, 2, channels=[Channel.SMS])
    assert await settle(refs, stores.notifications) == 2
    assert await settle(refs, stores.notifications) == 0


async def test_a_ref_that_names_another_recipient_settles_nothing(
    stores: Stores, clock: PositionClock
) -> None:
    (ref,) = await insert_waiting(stores, clock, 1, channels=[Channel.EMAIL])
    stray = DeliveryRef(ref.channel, uuid4(), ref.notification_id)
    assert await settle([stray], stores.notifications) == 0


@pytest.mark.parametrize("deadline_s", [30.0, 0.001])
def test_a_store_that_is_away_puts_the_chunk_off(
    deadline_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "CHUNK_DEADLINE_S", deadline_s)
    monkeypatch.setattr(store_client, "OPERATION_TIMEOUT_MS", 200)

    async def unreachable() -> NotificationsRepository:
        client = store_client.open_client("mongodb://127.0.0.1:1/", app_name="tests")
        return NotificationsRepository(client["nowhere"])

    loop = LoopThread("test")
    loop.start()
    try:
        notifications = loop.run(unreachable(), deadline_s=5)
        with capture_logs() as logs:
            ref = DeliveryRef(Channel.EMAIL, uuid4(), uuid4())
            deliver_on(loop, notifications)([ref.encode()])
        notifications._rows._collection.database.client.close()
    finally:
        loop.stop()
    assert [(line["event"], line["deliveries"]) for line in logs] == [("delivery_put_off", 1)]
