"""Who showed interest in a listing hears from a running service that it expires."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.support.world import Person, World

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SOON = timedelta(seconds=3)


async def interest(world: World, person: Person, listing_id: str) -> None:
    data = {"listing_id": listing_id, "user_id": str(person.id)}
    answer = await world.event("listing.interest", data)
    assert answer.status == 202, answer.body


async def test_two_hours_before_followers_or_not_once_each(world: World) -> None:
    shop = await world.shop()
    expires = datetime.now(UTC) + 2 * HOUR + SOON
    stranger, follower = await world.person(), await world.follower(shop)
    listing_id = await world.post_listing(shop, expiry_date=expires.isoformat())
    for person in (stranger, follower):
        for _ in range(2):
            await interest(world, person, listing_id)
    socket = await world.connect(stranger)
    frame = await socket.notified()
    assert frame["notification_type"] == "listing_expiring"
    assert frame["data"]["listing_id"] == listing_id
    late = datetime.now(UTC) - (expires - 2 * HOUR)
    assert timedelta() <= late < timedelta(seconds=5)
    (told,) = await world.told(stranger)
    assert told["sender"]["name"] == "Mario's"
    kinds = [each["notification_type"] for each in await world.told(follower, 2)]
    assert kinds == ["listing_expiring", "new_listing"]


async def test_of_a_removed_listing_nobody_hears(world: World) -> None:
    shop = await world.shop()
    expires = (datetime.now(UTC) + 2 * HOUR + SOON).isoformat()
    person = await world.person()
    removed, offered = [await world.post_listing(shop, expiry_date=expires) for _ in range(2)]
    for listing_id in (removed, offered):
        await interest(world, person, listing_id)
    await world.event("listing.removed", {"listing_id": removed})
    (told,) = await world.told(person)
    assert told["data"]["listing_id"] == offered
