from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from rules.deliveries import DeliveryStatus, Reason, Settled
from storage.deliveries import Ref
from storage.delivery_entries import Entry
from storage.filing import WAITING, Heading
from storage.stores import Stores
from tests.storage.samples import NOON, OURS, SECOND, a_row

CLAIM = UUID(int=7)
DUE = NOON + timedelta(minutes=1)
RECHECK = NOON + timedelta(minutes=2)
CAMPAIGN = UUID(int=5)

OF_HEADING: dict[Heading, dict[str, Any]] = {
    Heading.CRITICAL: {"priority": "critical", "campaign_id": CAMPAIGN},
    Heading.USUAL: {},
    Heading.CAMPAIGN: {"campaign_id": CAMPAIGN},
}


@pytest.mark.parametrize("heading", WAITING)
@pytest.mark.parametrize(
    ("state", "under", "at"),
    [
        ({"status": "queued", "due_at": DUE}, None, DUE),
        ({"status": "deferred", "due_at": DUE}, None, DUE),
        ({"status": "sending", "due_at": RECHECK}, "claimed", RECHECK),
        ({"status": "sent"}, "sent", NOON),
        ({"status": "suppressed"}, "suppressed", NOON),
    ],
)
def test_a_delivery_is_filed_by_how_it_stands(
    heading: Heading, state: dict[str, Any], under: str | None, at: Any
) -> None:
    channels = {"in_app": {"status": "delivered"}, "sms": state}
    stored = a_row(uuid4(), channels=channels, **OF_HEADING[heading]).to_document()["channels"]
    assert stored["sms"] == state | {"filed": {"under": under or heading.value, "at": at}}
    assert stored["in_app"] == {"status": "delivered"}


async def insert(stores: Stores, heading: Heading) -> Ref:
    waiting = {"status": "queued", "due_at": DUE}
    row = a_row(uuid4(), channels={"email": waiting}, **OF_HEADING[heading])
    await stores.notifications.insert([row])
    return row.recipient_id, row.id


async def filed(stores: Stores, ref: Ref) -> tuple[str, Any]:
    place = (await stores.delivery_records.get(ref[1], "email")).state["filed"]
    return place["under"], place["at"]


async def claim(stores: Stores, ref: Ref) -> None:
    held = await stores.deliveries.claim(
        "email", [ref], OURS, claim=CLAIM, at=NOON, recheck_at=RECHECK
    )
    assert [each.ref for each in held] == [ref]
    assert await filed(stores, ref) == ("claimed", RECHECK)


@pytest.mark.parametrize("heading", WAITING)
async def test_what_is_given_back_waits_where_it_did(stores: Stores, heading: Heading) -> None:
    ref = await insert(stores, heading)
    await claim(stores, ref)
    await stores.deliveries.release("email", [ref], CLAIM, due_at=DUE + SECOND)
    assert await filed(stores, ref) == (heading, DUE + SECOND)
    await stores.deliveries.put_off("email", [ref], until=DUE)
    assert await filed(stores, ref) == (heading, DUE)
    assert await stores.deliveries.requeue("email", [ref], until=RECHECK) == 1
    assert await filed(stores, ref) == (heading, RECHECK)


@pytest.mark.parametrize("heading", WAITING)
async def test_what_is_to_be_tried_again_waits_where_it_did(
    stores: Stores, heading: Heading
) -> None:
    ref = await insert(stores, heading)
    await claim(stores, ref)
    put_off = Settled(DeliveryStatus.DEFERRED, Reason.RETRY, DUE + SECOND)
    await stores.deliveries.record("email", CLAIM, [Entry(ref=ref, stands=put_off, at=NOON)])
    assert await filed(stores, ref) == (heading, DUE + SECOND)


@pytest.mark.parametrize("heading", WAITING)
async def test_what_an_operator_has_tried_again_waits_as_at_first(
    stores: Stores, heading: Heading
) -> None:
    ref = await insert(stores, heading)
    await claim(stores, ref)
    dead = Settled(DeliveryStatus.DEAD, Reason.ATTEMPTS_EXHAUSTED)
    await stores.deliveries.record("email", CLAIM, [Entry(ref=ref, stands=dead, at=NOON)])
    assert await filed(stores, ref) == ("dead", NOON)
    record = await stores.delivery_records.get(ref[1], "email")
    assert await stores.delivery_records.retry([record], at=DUE + SECOND) == 1
    assert await filed(stores, ref) == (heading, DUE + SECOND)
