from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from rules.caps import Reservation
from rules.kinds import Channel
from rules.local_day import LocalDay
from rules.timezones import zone_of
from storage.cap_ledger import CapLedger, Charges, Forgotten
from storage.redis import TAGS, RedisStore, tagged_key, user_tag
from storage.redis_script import ITEMS_AT_ONCE

IN_APP, EMAIL, PUSH, SMS = Channel
ALL = frozenset(Channel)
TODAY = LocalDay.of(datetime.now(UTC), zone_of("Africa/Johannesburg"))
NOW_MS = int(time.time() * 1000)


def wanted(
    user_id: UUID | None = None, notification_id: UUID | None = None, **caps: int
) -> Reservation:
    """Return a reservation of `in_app=5` and the like."""
    channels = tuple((Channel(name), cap) for name, cap in caps.items())
    return Reservation(user_id or uuid4(), notification_id or uuid4(), TODAY, channels)


async def reserve(ledger: CapLedger, asked: Sequence[Reservation]) -> list[Any]:
    """Reserve, with answers that can be compared with sets as well."""
    return [*await ledger.reserve(asked)]


@pytest.fixture(params=["plain", "cluster"])
async def url(request: pytest.FixtureRequest, redis_url: str, redis_cluster_url: str) -> str:
    return redis_url if request.param == "plain" else redis_cluster_url


@pytest.fixture
async def redis(url: str) -> AsyncIterator[RedisStore]:
    """Give a server that has never forgotten anything, and leave it so to other tests."""
    store = RedisStore(url)
    await CapLedger(store).distrust_before(0)
    yield store
    await CapLedger(store).distrust_before(0)
    await store.close()


@pytest.fixture
def ledger(redis: RedisStore) -> CapLedger:
    return CapLedger(redis)


async def test_a_channel_takes_as_many_as_its_cap_says(ledger: CapLedger) -> None:
    user_id = uuid4()
    asked = [wanted(user_id, in_app=3, email=1) for _ in range(4)]
    assert await reserve(ledger, asked) == [{IN_APP, EMAIL}, {IN_APP}, {IN_APP}, set()]
    assert await reserve(ledger, [wanted(user_id, push=1)]) == [{PUSH}]
    assert await reserve(ledger, [wanted(in_app=3)]) == [{IN_APP}]


async def test_reserving_again_changes_nothing(ledger: CapLedger) -> None:
    first = wanted(in_app=2, email=1)
    for _ in range(3):
        assert await reserve(ledger, [first]) == [{IN_APP, EMAIL}]
    second, third = (wanted(first.user_id, in_app=2, email=1) for _ in range(2))
    assert await reserve(ledger, [second, third, first]) == [{IN_APP}, set(), {IN_APP, EMAIL}]


async def test_what_is_given_back_makes_room_once(ledger: CapLedger) -> None:
    user_id = uuid4()
    first, second, third = (wanted(user_id, in_app=1, email=1) for _ in range(3))
    assert await reserve(ledger, [first]) == [{IN_APP, EMAIL}]
    for _ in range(2):
        await ledger.give_back([(first, [EMAIL]), (second, [EMAIL])])
    assert await reserve(ledger, [second]) == [{EMAIL}]
    await ledger.give_back([(first, ALL)])
    assert await reserve(ledger, [third, second]) == [{IN_APP}, {EMAIL}]


async def test_who_is_led_by_the_first_wants_nothing_without_it(ledger: CapLedger) -> None:
    user_id = uuid4()
    assert await reserve(ledger, [wanted(user_id, in_app=1)]) == [{IN_APP}]
    led = replace(wanted(user_id, in_app=1, email=5), is_led_by_first=True)
    assert await reserve(ledger, [led]) == [set()]
    assert await reserve(ledger, [wanted(user_id, email=1)]) == [{EMAIL}]


async def test_days_do_not_share(ledger: CapLedger) -> None:
    first = wanted(in_app=1)
    tomorrow = LocalDay.of(TODAY.ends_at, zone_of("Africa/Johannesburg"))
    next_day = replace(first, day=tomorrow, notification_id=uuid4())
    assert await reserve(ledger, [first, next_day]) == [{IN_APP}, {IN_APP}]


async def test_many_users_at_once_have_each_their_own(ledger: CapLedger) -> None:
    count = 2 * ITEMS_AT_ONCE + 10
    asked = [wanted(in_app=1, push=index % 2) for index in range(count)]
    found = await reserve(ledger, asked)
    assert found == [{IN_APP, PUSH} if index % 2 else {IN_APP} for index in range(count)]


async def test_fifty_at_once_with_two_left_are_two(url: str, ledger: CapLedger) -> None:
    user_id = uuid4()
    await reserve(ledger, [wanted(user_id, in_app=5) for _ in range(3)])
    processes = [RedisStore(url) for _ in range(2)]
    asked = [
        reserve(CapLedger(processes[index % 2]), [wanted(user_id, in_app=5)]) for index in range(50)
    ]
    found = [each for (each,) in await asyncio.gather(*asked)]
    assert sorted(map(len, found)) == [0] * 48 + [1] * 2
    for process in processes:
        await process.close()


async def test_a_day_is_kept_for_an_hour_after_its_end(
    redis: RedisStore, ledger: CapLedger
) -> None:
    asked = wanted(in_app=5)
    await reserve(ledger, [asked])
    async with redis.call() as client:
        expires_at_s = await client.expiretime(tagged_key(f"caps:{TODAY.date}", asked.user_id))
    assert datetime.fromtimestamp(expires_at_s, UTC) == TODAY.ends_at + timedelta(hours=1)


async def test_without_a_marker_nothing_is_known(redis: RedisStore, ledger: CapLedger) -> None:
    asked = wanted(in_app=5)
    async with redis.call() as client:
        await client.delete(f"snb:{user_tag(asked.user_id)}:caps-since")
    assert await reserve(ledger, [asked]) == [Forgotten(None)]
    await ledger.trust_from(NOW_MS)
    assert await reserve(ledger, [asked]) == [Forgotten(NOW_MS)]


async def test_a_marker_that_is_there_stays(ledger: CapLedger) -> None:
    await ledger.trust_from(NOW_MS)
    assert await reserve(ledger, [wanted(in_app=5)]) == [{IN_APP}]


async def test_a_day_that_began_after_the_marker_is_known(ledger: CapLedger) -> None:
    before = int(TODAY.starts_at.timestamp() * 1000)
    await ledger.distrust_before(before - 10_000)
    assert await reserve(ledger, [wanted(in_app=5)]) == [{IN_APP}]
    await ledger.distrust_before(before - 9_999)
    assert await reserve(ledger, [wanted(in_app=5)]) == [Forgotten(before - 9_999)]


async def test_what_is_restored_is_known_and_counts(ledger: CapLedger) -> None:
    await ledger.distrust_before(NOW_MS)
    asked = wanted(in_app=3, email=1)
    sent = {uuid4(): [IN_APP, EMAIL], uuid4(): [IN_APP]}
    for _ in range(2):
        await ledger.restore([(Charges(asked.user_id, TODAY, sent), NOW_MS)])
    assert await reserve(ledger, [asked]) == [{IN_APP}]
    assert await reserve(ledger, [wanted(asked.user_id, in_app=3)]) == [set()]
    (known, *_) = sent
    assert await reserve(ledger, [wanted(asked.user_id, known, in_app=3, email=1)]) == [
        {IN_APP, EMAIL}
    ]


async def test_what_is_restored_adds_to_what_was_reserved_meanwhile(ledger: CapLedger) -> None:
    first = wanted(in_app=2, email=9)
    await reserve(ledger, [first])
    sent = {first.notification_id: [IN_APP, PUSH], uuid4(): [IN_APP]}
    await ledger.restore([(Charges(first.user_id, TODAY, sent), NOW_MS)])
    assert await reserve(ledger, [wanted(first.user_id, in_app=2, push=1)]) == [set()]
    assert await reserve(ledger, [replace(first, wanted=((PUSH, 1),))]) == [{PUSH}]


async def test_a_later_marker_undoes_what_was_restored(ledger: CapLedger) -> None:
    asked = wanted(in_app=3)
    await ledger.distrust_before(NOW_MS)
    await ledger.restore([(Charges(asked.user_id, TODAY, {}), NOW_MS)])
    assert await reserve(ledger, [asked]) == [{IN_APP}]
    await ledger.distrust_before(NOW_MS + 1)
    assert await reserve(ledger, [asked]) == [Forgotten(NOW_MS + 1)]


async def test_nothing_to_do_asks_nobody() -> None:
    ledger = CapLedger(RedisStore("redis://127.0.0.1:1/0"))
    assert await reserve(ledger, []) == []
    await ledger.give_back([])
    await ledger.restore([])


async def test_there_is_a_marker_for_each_tag(redis: RedisStore, ledger: CapLedger) -> None:
    asked = [wanted(UUID(int=2**64 + number), uuid4(), sms=9) for number in range(TAGS)]
    async with redis.call() as client:
        for each in asked:
            await client.delete(f"snb:{user_tag(each.user_id)}:caps-since")
    assert await reserve(ledger, asked) == [Forgotten(None)] * TAGS
    await ledger.trust_from(0)
    assert await reserve(ledger, asked) == [{SMS}] * TAGS
