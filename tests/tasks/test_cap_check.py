from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from tornado.testing import bind_unused_port

from config.daily_caps import NO_DAILY_CAPS
from config.daily_caps import DailyCaps as CapTable
from rules.deliveries import Permanent
from rules.kinds import Channel
from rules.lease import Lease
from storage.cap_ledger import CapLedger
from storage.daily_caps import DailyCaps
from storage.positions import PositionClock
from storage.redis import RedisStore
from storage.stores import Stores
from tasks.cap_check import CapCheck
from tasks.worker_lease import WorkerLease
from tests.tasks.works import Works


async def sent(works: Works, recipient: UUID, count: int, **row: Any) -> list[str]:
    """Send `count` text messages, one after the other, and return how each stands."""
    standing = []
    for _ in range(count):
        ref = await works.queue(recipient, Channel.SMS, **row)
        await works.deliverer.carry_out(Channel.SMS, [ref])
        state = await works.state(ref, Channel.SMS)
        standing.append(state.get("reason") or state["status"])
    return standing


async def test_what_is_sent_is_held_to_the_day_it_is_sent_on(works: Works) -> None:
    assert await sent(works, await works.person(), 3) == ["sent", "sent", "daily_cap"]


async def test_many_at_once_are_held_to_it_too(works: Works) -> None:
    person = await works.person()
    refs = [await works.queue(person, Channel.SMS) for _ in range(6)]
    await works.deliverer.carry_out(Channel.SMS, refs)
    assert len(works.senders[Channel.SMS].sent) == 2


async def test_what_is_critical_is_exempt(works: Works) -> None:
    person = await works.person()
    assert await sent(works, person, 4, priority="critical") == ["sent"] * 4
    assert await sent(works, person, 3) == ["sent", "sent", "daily_cap"]


async def test_who_has_no_cap_is_not_counted(
    stores: Stores, clock: PositionClock, caps: CapCheck
) -> None:
    uncapped = CapCheck(NO_DAILY_CAPS, caps._caps, stores.deliveries)
    works = Works(
        stores=stores, clock=clock, caps=uncapped, lease=WorkerLease(Lease("tests/worker", 1))
    )
    assert await sent(works, await works.person(), 4) == ["sent"] * 4


async def test_what_fails_for_good_is_given_back(works: Works) -> None:
    person = await works.person()
    act = works.senders[Channel.SMS].act
    works.senders[Channel.SMS].act = lambda *_: Permanent("400")
    assert await sent(works, person, 3) == ["rejected"] * 3
    works.senders[Channel.SMS].act = act
    assert await sent(works, person, 3) == ["sent", "sent", "daily_cap"]


async def test_what_is_refused_at_last_is_given_back(works: Works) -> None:
    person = await works.person()
    await works.prefer(person, sms_notifications=False)
    assert await sent(works, person, 3) == ["channel_preference"] * 3
    await works.prefer(person, sms_notifications=True)
    assert await sent(works, person, 3) == ["sent", "sent", "daily_cap"]


async def test_what_was_made_on_another_day_says_on_which_it_counts(works: Works) -> None:
    person = await works.person()
    yesterday = works.clock.store_now() - timedelta(days=1)
    old = await works.queue(person, Channel.SMS, created_at=yesterday)
    new = await works.queue(person, Channel.SMS)
    await works.deliverer.carry_out(Channel.SMS, [old, new])
    assert len((await works.state(old, Channel.SMS))["charged_on"]) == len("2026-11-26")
    assert "charged_on" not in await works.state(new, Channel.SMS)


async def test_without_redis_what_has_a_cap_waits(
    stores: Stores, clock: PositionClock, caps: CapCheck
) -> None:
    socket, port = bind_unused_port()
    socket.close()
    nowhere = RedisStore(f"redis://127.0.0.1:{port}/0")
    unknown = DailyCaps(CapLedger(nowhere), caps._caps._charges, clock)
    works = Works(
        stores=stores,
        clock=clock,
        caps=CapCheck(CapTable(), unknown, stores.deliveries),
        lease=WorkerLease(Lease("tests/worker", 1)),
    )
    person = await works.person()
    assert await sent(works, person, 1) == ["caps_unknown"]
    assert await sent(works, person, 1, priority="critical") == ["sent"]
    await works.prefer(person, mute_all=True)
    assert await sent(works, person, 1) == ["mute_all"]
    await nowhere.close()
