"""How a business's own notifications do (contract section 2.6)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from rules.days import starts_at
from server.service import Service
from tasks.daily_statistics import DailyStatistics
from tests.storage.samples import a_row
from tests.support.api import Api, token
from tests.support.world import Shop, World

INSIGHTS = "/api/insights/"
A_DAY = timedelta(days=1)


async def insights(api: Api, shop: Shop) -> dict[str, Any]:
    answer = await api.get(INSIGHTS, shop.owner.token)
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.body
    return body


async def notify(service: Service, business_id: UUID, days_ago: int, **changes: Any) -> None:
    at = starts_at(service.statistics.today() - days_ago * A_DAY) + timedelta(milliseconds=1)
    row = a_row(uuid4(), created_at=at, business_id=business_id, **changes)
    await service.stores.notifications.insert([row])


async def test_a_provider_sees_at_once_what_followers_do(
    service: Service, api: Api, world: World
) -> None:
    shop = await world.shop()
    readers = [await world.follower(shop) for _ in range(2)]
    await world.post_listing(shop)
    for reader in readers:
        await world.told(reader)
    assert (await insights(api, shop))["best_hours"] == []
    clicked = (await world.inbox(readers[0]))["results"][0]["id"]
    await api.post(f"/api/notifications/{clicked}/click/", readers[0].token)
    seen = await insights(api, shop)
    assert (seen["followers"], seen["notifications"]) == (2, 2)
    assert (seen["read_rate"], seen["click_rate"]) == (0.5, 0.5)
    assert len(seen["best_hours"]) == 1
    assert len(seen["daily"]) == 30
    today = service.statistics.today()
    assert seen["daily"][-1] == {
        "day": today.isoformat(),
        "notifications": 2,
        "read": 1,
        "clicked": 1,
        "new_followers": 2,
    }
    assert seen["daily"][0] == {
        "day": (today - 29 * A_DAY).isoformat(),
        "notifications": 0,
        "read": 0,
        "clicked": 0,
        "new_followers": 0,
    }


async def test_days_that_were_counted_are_told_of_and_so_are_those_that_were_not_yet(
    service: Service, api: Api, world: World
) -> None:
    shop = await world.shop()
    for days_ago in (40, 20, 2, 1, 0):
        await notify(service, shop.id, days_ago)
    stores = service.stores
    statistics = DailyStatistics(stores.fates, stores.opt_outs, stores.daily_stats, service.clock)
    await statistics.count_due(service.clock.store_now() - A_DAY)
    seen = await insights(api, shop)
    assert [day["notifications"] for day in seen["daily"]] == [
        int(days_ago in (20, 2, 1, 0)) for days_ago in reversed(range(30))
    ]
    assert seen["notifications"] == 4


async def test_nobody_sees_what_is_another_business_or_what_the_owner_was_told(
    service: Service, api: Api, world: World
) -> None:
    shop, other = await world.shop(), await world.shop()
    await notify(service, other.id, 0)
    await notify(service, shop.id, 0, kind="review_received")
    seen = await insights(api, shop)
    assert (seen["notifications"], seen["read_rate"], seen["click_rate"]) == (0, 0.0, 0.0)


async def test_hours_are_those_of_the_owners_place(
    service: Service, api: Api, world: World
) -> None:
    shop = await world.shop()
    today = starts_at(service.statistics.today())
    read_at = today + timedelta(hours=5, minutes=40)
    await notify(service, shop.id, 0, is_read=True, read_at=read_at)
    assert (await insights(api, shop))["best_hours"] == [7]
    await world.prefer(shop.owner, timezone="Asia/Kathmandu")
    assert (await insights(api, shop))["best_hours"] == [11]


async def test_a_follower_who_left_is_new_on_no_day(api: Api, world: World) -> None:
    shop = await world.shop()
    person = await world.follower(shop)
    await world.unfollow(person, shop)
    assert (await insights(api, shop))["daily"][-1]["new_followers"] == 0


async def test_who_has_no_business_is_told_so(api: Api) -> None:
    answer = await api.get(INSIGHTS, token(user_type="provider"))
    assert (answer.status, answer.error["code"]) == (404, "BUSINESS_NOT_FOUND")
