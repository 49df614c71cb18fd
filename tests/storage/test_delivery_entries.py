from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from rules.deliveries import DeliveryStatus, Reason, Settled
from storage.collection import IDS_AT_ONCE
from storage.deliveries import Ref
from storage.delivery_entries import Entry
from storage.stores import Stores
from tests.storage.samples import NOON, OURS, SECOND, a_row

CLAIM, ANOTHER = UUID(int=7), UUID(int=8)
LATER = NOON + 60 * SECOND
ENDED = NOON + SECOND
SENT = Settled(DeliveryStatus.SENT)


async def held(stores: Stores, count: int, *, begun: bool = True, **state: Any) -> list[Ref]:
    """Insert rows whose push is claimed, and begun; return their refs."""
    queued = {"status": "queued", "due_at": NOON, "reason": "retry", **state}
    rows = [a_row(uuid4(), channels={"push": queued}) for _ in range(count)]
    await stores.notifications.insert(rows)
    refs = [(row.recipient_id, row.id) for row in rows]
    repository = stores.deliveries
    await repository.claim("push", refs, OURS, claim=CLAIM, at=NOON, recheck_at=LATER)
    if begun:
        assert await repository.begin("push", refs, CLAIM, at=NOON) == set(refs)
    return refs


async def state_of(stores: Stores, ref: Ref) -> dict[str, Any]:
    return dict((await stores.delivery_records.get(ref[1], "push")).state)


async def test_each_row_is_written_its_own(stores: Stores) -> None:
    refs = await held(stores, IDS_AT_ONCE + 10)
    entries = [
        Entry(
            ref=ref,
            stands=SENT,
            at=ENDED,
            attempt=0,
            provider_message_id=f"$m-{n}",
            devices={"phone": {"status": "sent", "message_id": f"$m-{n}"}},
        )
        for n, ref in enumerate(refs)
    ]
    await stores.deliveries.record("push", CLAIM, entries)
    for n, ref in enumerate(refs):
        assert await state_of(stores, ref) == {
            "status": "sent",
            "sent_at": ENDED,
            "provider_message_id": f"$m-{n}",
            "filed": {"under": "sent", "at": NOON},
            "attempts": [{"at": NOON, "ended_at": ENDED, "provider_message_id": f"$m-{n}"}],
            "devices": {"phone": {"status": "sent", "message_id": f"$m-{n}"}},
        }


async def test_unlike_ones_are_written_together(stores: Stores) -> None:
    earlier = {"at": NOON - SECOND, "ended_at": NOON, "error": "503"}
    refs = await held(stores, 3, attempts=[earlier], devices={"old": {"status": "failed"}})
    (unbegun,) = await held(stores, 1, begun=False)
    sent, failed, forgiven = refs
    await stores.deliveries.record(
        "push",
        CLAIM,
        [
            Entry(
                ref=sent,
                stands=SENT,
                at=ENDED,
                attempt=1,
                devices={"new": {"status": "sent", "message_id": "m"}},
            ),
            Entry(
                ref=failed,
                stands=Settled(DeliveryStatus.FAILED, Reason.UNCERTAIN),
                at=ENDED,
                attempt=1,
                error="$reset",
                is_uncertain=True,
            ),
            Entry(
                ref=forgiven,
                stands=Settled(DeliveryStatus.QUEUED, due_at=LATER),
                at=ENDED,
                attempt=1,
                error="permit expired",
                is_forgiven=True,
            ),
            Entry(
                ref=unbegun,
                stands=Settled(DeliveryStatus.SUPPRESSED, Reason.NO_LONGER_TRUE),
                at=ENDED,
            ),
        ],
    )
    state = await state_of(stores, sent)
    assert state["attempts"] == [earlier, {"at": NOON, "ended_at": ENDED}]
    assert state["devices"].keys() == {"old", "new"}
    state = await state_of(stores, failed)
    assert (state["status"], state["reason"], state["attention"]) == ("failed", "uncertain", True)
    assert state["last_error"] == "$reset"
    lost = {"at": NOON, "ended_at": ENDED, "error": "$reset", "uncertain": True}
    assert state["attempts"] == [earlier, lost]
    state = await state_of(stores, forgiven)
    assert (state["status"], state["due_at"], state["forgiven"]) == ("queued", LATER, 1)
    assert not state.keys() & {"reason", "claim", "owner", "epoch", "claimed_at"}
    assert await state_of(stores, unbegun) == {
        "status": "suppressed",
        "reason": "no_longer_true",
        "filed": {"under": "suppressed", "at": NOON},
    }


async def test_what_another_has_by_now_is_left_to_it(stores: Stores) -> None:
    ours, theirs = await held(stores, 2)
    before = await state_of(stores, theirs)
    await stores.deliveries.record(
        "push", ANOTHER, [Entry(ref=theirs, stands=SENT, at=ENDED, attempt=0)]
    )
    assert await state_of(stores, theirs) == before
    await stores.deliveries.record(
        "push",
        CLAIM,
        [Entry(ref=ref, stands=SENT, at=ENDED, attempt=0) for ref in (ours, (ours[0], uuid4()))],
    )
    assert (await state_of(stores, ours))["status"] == "sent"


async def test_what_counts_on_another_day_says_so_day_by_day(stores: Stores) -> None:
    today, tomorrow, theirs = await held(stores, 3)
    await stores.deliveries.charge(
        "push", CLAIM, [(today, "2026-11-26"), (tomorrow, "2026-11-27"), (theirs, "2026-11-27")]
    )
    await stores.deliveries.charge("push", ANOTHER, [(theirs, "2026-11-28")])
    days = [(await state_of(stores, ref))["charged_on"] for ref in (today, tomorrow, theirs)]
    assert days == ["2026-11-26", "2026-11-27", "2026-11-27"]
