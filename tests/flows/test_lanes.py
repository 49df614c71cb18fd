"""A fan-out to many does not hold up what concerns one."""

from __future__ import annotations

from uuid import uuid4

import pytest

from server.service import Service
from tests.support.seed import seed_followers
from tests.support.world import World, direct_send, eventually, review

FOLLOWERS = 3_000


@pytest.mark.timeout(seconds=300)
async def test_single_recipients_are_told_while_a_fan_out_runs(
    world: World, service: Service, mongodb_uri: str, database_name: str
) -> None:
    popular, other = await world.shop(), await world.shop()
    person = await world.person()
    seed_followers(mongodb_uri, database_name, popular.id, FOLLOWERS)
    owner_socket = await world.connect(other.owner)

    async def told() -> int:
        return await service.stores.notifications._rows.count({"business_id": popular.id})

    await world.post_listing(popular)
    await eventually(told)
    await world.event("review.created", review(other.id, uuid4()))
    await owner_socket.notified()
    critical = await world.api.post(
        "/api/notifications/", world.platform, direct_send(person.id, priority="critical")
    )
    assert critical.status == 201, critical.body
    assert await told() < FOLLOWERS

    async def is_done() -> bool:
        return await service.stores.events.pending_count() == 0

    await eventually(is_done, within_s=120.0)
    assert await told() == FOLLOWERS
