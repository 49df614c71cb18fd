"""`sync`: a client that comes back has lost nothing (contract section 4)."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from rules.ids import event_key
from server.service import Service
from storage.events import NewEvent
from storage.notifications import NotificationRow
from tests.support.api import PLATFORM
from tests.support.client import Client
from tests.support.world import World, eventually, listing

CUTS = 12
LISTINGS = 30


async def test_sync_tells_what_came_after_the_named_one_oldest_first(world: World) -> None:
    shop = await world.shop()
    person = await world.follower(shop)
    for count, name in enumerate(("One", "Two", "Three"), start=1):
        await world.post_listing(shop, name)
        await world.told(person, count)
    newest_first = [row["id"] for row in await world.told(person, 3)]
    three, two, one = newest_first
    socket = await world.connect(person)
    synced = await socket.sync(one)
    assert [row["notification_id"] for row in synced["notifications"]] == [two, three]
    assert synced["changed"] == []
    assert synced["has_more"] is False
    assert synced["unread_count"] == 3
    assert (await socket.sync(two))["notifications"] == synced["notifications"][1:]
    assert (await socket.sync(three))["notifications"] == []
    everything = await socket.sync(None)
    assert [row["id"] for row in everything["notifications"]] == [one, two, three]


async def test_sync_goes_on_page_by_page_without_repeats(world: World) -> None:
    shop = await world.shop()
    person = await world.follower(shop)
    for count in range(1, 6):
        await world.post_listing(shop, f"Number {count}")
        await world.told(person, count)
    socket = await world.connect(person)
    got: list[str] = []
    synced = await socket.sync(None, limit=2)
    while synced["notifications"]:
        got += [row["notification_id"] for row in synced["notifications"]]
        assert synced["has_more"] is (len(got) < 5)
        synced = await socket.sync(got[-1], limit=2)
    assert got == [row["id"] for row in reversed(await world.told(person, 5))]


async def test_sync_tells_what_became_of_older_ones(world: World) -> None:
    shop = await world.shop()
    person = await world.follower(shop)
    for count in (1, 2, 3):
        await world.post_listing(shop)
        await world.told(person, count)
    three, two, one = [row["id"] for row in await world.told(person, 3)]
    await world.api.post("/api/notifications/mark-read/", person.token, {"notification_ids": [one]})
    await world.api.delete(f"/api/notifications/{two}/delete/", person.token)
    socket = await world.connect(person)
    changed = {row["id"]: row for row in (await socket.sync(three))["changed"]}
    assert changed == {
        one: {"id": one, "is_read": True, "is_deleted": False},
        two: {"id": two, "is_read": False, "is_deleted": True},
    }


async def test_sync_tells_what_became_of_the_named_one_too(world: World) -> None:
    shop = await world.shop()
    person = await world.follower(shop)
    await world.post_listing(shop)
    (row,) = await world.told(person)
    await world.api.post("/api/notifications/mark-all-read/", person.token)
    socket = await world.connect(person)
    assert (await socket.sync(row["id"]))["changed"] == [
        {"id": row["id"], "is_read": True, "is_deleted": False}
    ]


async def test_late_rows_come_beside_the_limit_so_that_a_page_always_leads_forward(
    world: World, service: Service
) -> None:
    shop = await world.shop()
    person = await world.follower(shop)
    for count in (1, 2, 3):
        await world.post_listing(shop)
        await world.told(person, count)
    three, two, one = [row["id"] for row in await world.told(person, 3)]
    stored = await service.stores.notifications.find(person.id, UUID(one))
    assert stored is not None
    late = [_row_like(stored, writer="another#1", seconds_before=gap) for gap in (3, 2, 1)]
    await service.stores.notifications.insert(late)
    socket = await world.connect(person)
    page = await socket.sync(one, limit=1)
    assert [row["id"] for row in page["notifications"]] == [*(str(row.id) for row in late), two]
    assert page["has_more"] is True
    page = await socket.sync(two, limit=1)
    assert [row["id"] for row in page["notifications"]] == [three]
    assert page["has_more"] is False


async def test_sync_since_an_id_that_is_not_the_users_is_an_error(world: World) -> None:
    shop = await world.shop()
    person, other = await world.follower(shop), await world.follower(shop)
    await world.post_listing(shop)
    (others,) = await world.told(other)
    socket = await world.connect(person)
    for unknown in (uuid4(), others["id"]):
        await socket.send(type="sync", since=unknown, ref=7)
        frame = await socket.expect("error")
        assert frame["ref"] == 7
        assert frame["error"]["code"] == "NOT_FOUND"


async def test_a_fan_out_accepted_before_and_inserted_after_another_is_found(
    world: World, service: Service
) -> None:
    slow, quick = await world.shop(), await world.shop()
    person = await world.follower(slow)
    await world.follow(person, quick)
    event_id = str(uuid4())
    held = NewEvent(
        key=event_key(PLATFORM, event_id),
        sender=PLATFORM,
        event_id=event_id,
        type="listing.created",
        occurred_at=service.clock.store_now(),
        data=listing(slow.id, "Accepted first"),
        lane="fan_out",
    )
    # Stored unowned, as when no lane has room: the next claim takes it, seconds later.
    await service.stores.events.accept([held], accepted_at=service.clock.store_now())
    socket = await world.connect(person)
    await world.post_listing(quick, "Inserted first")
    seen = await socket.notified()
    assert "Inserted first" in seen["title"]
    socket.close()
    late = (await world.told(person, 2))[0]
    assert "Accepted first" in late["title"]
    assert UUID(late["id"]).int < UUID(seen["notification_id"]).int
    again = await world.connect(person)
    synced = await again.sync(seen["notification_id"])
    assert [row["notification_id"] for row in synced["notifications"]] == [late["id"]]


async def test_a_row_of_another_process_visible_late_under_an_earlier_position_is_found(
    world: World, service: Service
) -> None:
    shop = await world.shop()
    person = await world.follower(shop)
    await world.post_listing(shop)
    (seen,) = await world.told(person)
    stored = await service.stores.notifications.find(person.id, UUID(seen["id"]))
    assert stored is not None
    late = _row_like(stored, writer="another#1", seconds_before=5)
    too_late = _row_like(stored, writer="another#1", seconds_before=31)
    await service.stores.notifications.insert([late, too_late])
    socket = await world.connect(person)
    synced = await socket.sync(seen["id"])
    assert [row["id"] for row in synced["notifications"]] == [str(late.id)]
    # Sent on this connection once: not again.
    assert (await socket.sync(seen["id"]))["notifications"] == []


def _row_like(row: NotificationRow, *, writer: str, seconds_before: float) -> NotificationRow:
    at = row.created_at - timedelta(seconds=seconds_before)
    return replace(row, id=uuid4(), writer=writer, created_at=at, floor=at)


@pytest.mark.timeout(seconds=300)
async def test_a_client_cut_off_at_random_ends_with_everything_in_order(world: World) -> None:
    chance = random.Random(20261122)
    shop = await world.shop()
    person = await world.follower(shop)
    client = Client(world.sockets_at, person.token)

    async def cut() -> None:
        for _ in range(CUTS):
            await asyncio.sleep(chance.uniform(0.01, 0.25))
            client.cut()

    cutting = asyncio.create_task(cut())
    for number in range(LISTINGS):
        await world.post_listing(shop, f"Number {number}")
    await cutting
    listed = await world.told(person, LISTINGS)

    async def has_all() -> bool:
        return len(client.seen) == LISTINGS

    await eventually(has_all)
    assert client.in_order() == [row["id"] for row in reversed(listed)]
    assert client.announced_again == []
    assert client.last_unread_count == LISTINGS
    await client.stop()
