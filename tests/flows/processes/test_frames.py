"""Whatever happens at one server process is said on sockets at all others."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.flows.processes.conftest import Scene
from tests.support.sockets import Socket
from tests.support.world import Person, interaction

PAGE = Path(__file__).parents[3] / "docs" / "websocket.md"

OF_ONE_CONNECTION = {"notifications.sync", "error"}
"""Answers to what this connection said."""

Caused: TypeAlias = "tuple[list[Socket], dict[str, Any]]"
"""Who is to hear of it, and some of what they are to hear."""


async def told(scene: Scene, person: Person, count: int = 1) -> tuple[list[Socket], list[str]]:
    """Tell somebody several things; return their sockets, which have said so, and the ids."""
    sockets = await scene.sockets_of(person)
    ids = []
    for _ in range(count):
        answer = await scene.world.send(person)
        ids.append(answer.body["id"])
        for socket in sockets:
            assert (await socket.notified())["notification_id"] == ids[-1]
    return sockets, ids


async def a_listing(scene: Scene) -> Caused:
    shop = await scene.world.shop()
    sockets = await scene.sockets_of(await scene.world.follower(shop))
    await scene.world.post_listing(shop, "Across")
    return sockets, {"notification_type": "new_listing", "unread_count": 1}


async def a_direct_send(scene: Scene) -> Caused:
    person = await scene.world.person()
    sockets, _ = await told(scene, person)
    answer = await scene.world.send(person, title="Another")
    return sockets, {"notification_id": answer.body["id"], "title": "Another", "unread_count": 2}


async def a_schedule(scene: Scene) -> Caused:
    person = await scene.world.person()
    sockets = await scene.sockets_of(person)
    soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    assert (await scene.world.send(person, send_at=soon, title="In time")).status == 202
    return sockets, {"title": "In time", "unread_count": 1}


async def a_business_update(scene: Scene) -> Caused:
    shop = await scene.world.shop()
    sockets = await scene.sockets_of(await scene.world.follower(shop))
    news = {"title": "Closed", "message": "Until Monday."}
    answer = await scene.world.api.post("/api/business-updates/", shop.owner.token, news)
    assert answer.status == 202, answer.body
    return sockets, news


async def a_read_over_rest(scene: Scene) -> Caused:
    person = await scene.world.person()
    sockets, ids = await told(scene, person, 2)
    path = "/api/notifications/mark-read/"
    await scene.world.api.post(path, person.token, {"notification_ids": ids[:1]})
    return sockets, {"notification_id": ids[0], "unread_count": 1}


async def a_read_over_a_socket(scene: Scene) -> Caused:
    person = await scene.world.person()
    sockets, ids = await told(scene, person, 2)
    await sockets[0].send(type="mark_read", notification_ids=ids[1:])
    return sockets, {"notification_id": ids[1], "unread_count": 1}


async def a_click_over_rest(scene: Scene) -> Caused:
    person = await scene.world.person()
    sockets, ids = await told(scene, person)
    await scene.world.api.post(f"/api/notifications/{ids[0]}/click/", person.token, {})
    return sockets, {"notification_id": ids[0], "unread_count": 0}


async def a_click_over_a_socket(scene: Scene) -> Caused:
    sockets, ids = await told(scene, await scene.world.person())
    await sockets[1].send(type="click", notification_id=ids[0])
    return sockets, {"notification_id": ids[0], "unread_count": 0}


async def many_reads_over_rest(scene: Scene) -> Caused:
    person = await scene.world.person()
    sockets, ids = await told(scene, person, 3)
    path = "/api/notifications/mark-read/"
    await scene.world.api.post(path, person.token, {"notification_ids": ids[:2]})
    return sockets, {"marked_count": 2, "unread_count": 1}


async def all_reads_over_rest(scene: Scene) -> Caused:
    person = await scene.world.person()
    sockets, _ = await told(scene, person, 2)
    await scene.world.api.post("/api/notifications/mark-all-read/", person.token)
    return sockets, {"marked_count": 2, "unread_count": 0}


async def all_reads_over_a_socket(scene: Scene) -> Caused:
    sockets, _ = await told(scene, await scene.world.person(), 2)
    await sockets[0].send(type="mark_all_read")
    return sockets, {"marked_count": 2, "unread_count": 0}


async def a_deletion(scene: Scene) -> Caused:
    person = await scene.world.person()
    sockets, ids = await told(scene, person, 2)
    await scene.world.api.delete(f"/api/notifications/{ids[0]}/delete/", person.token)
    return sockets, {"notification_id": ids[0], "unread_count": 1}


async def a_follow(scene: Scene) -> Caused:
    shop = await scene.world.shop()
    sockets = await scene.sockets_of(shop.owner)
    person = await scene.world.follower(shop)
    follower = {"id": str(person.id), "name": "Thandi Nkosi", "user_type": "customer"}
    return sockets, {"follower": follower, "total_followers": 1}


async def a_change_of_an_order(scene: Scene) -> Caused:
    shop, person = await scene.world.shop(), await scene.world.person()
    sockets = await scene.sockets_of(shop.owner)
    data = interaction(shop.id, person.id)
    await scene.world.event("interaction.status_changed", data)
    said = {name: data[name] for name in ("interaction_id", "old_status", "new_status")}
    return sockets, {**said, "customer": {"name": "Thandi Nkosi"}}


CAUSES: list[tuple[str, Callable[[Scene], Awaitable[Caused]]]] = [
    ("notification.new", a_listing),
    ("notification.new", a_direct_send),
    ("notification.new", a_schedule),
    ("notification.new", a_business_update),
    ("notification.read", a_read_over_rest),
    ("notification.read", a_read_over_a_socket),
    ("notification.read", a_click_over_rest),
    ("notification.read", a_click_over_a_socket),
    ("notifications.bulk_read", many_reads_over_rest),
    ("notifications.bulk_read", all_reads_over_rest),
    ("notifications.bulk_read", all_reads_over_a_socket),
    ("notification.deleted", a_deletion),
    ("business.new_follower", a_follow),
    ("interaction.status_changed", a_change_of_an_order),
]


@pytest.mark.parametrize(
    ("frame", "cause"), CAUSES, ids=lambda each: getattr(each, "__name__", each)
)
async def test_sockets_at_every_process_are_told(
    frame: str, cause: Callable[[Scene], Awaitable[Caused]], scene: Scene
) -> None:
    sockets, expected = await cause(scene)
    frames = [await socket.expect(frame) for socket in sockets]
    assert len(frames) == 2
    assert frames[0]["data"] == frames[1]["data"]
    assert {name: frames[0]["data"][name] for name in expected} == expected
    for socket in sockets:
        await socket.ponged()


def test_there_is_a_cause_of_every_frame_that_tells_of_something() -> None:
    section = PAGE.read_text().partition("## What the server says\n")[2].partition("\n## ")[0]
    types = set(re.findall(r"^\| `([a-z._]+)` \|", section, re.MULTILINE))
    assert {frame for frame, _ in CAUSES} == types - {"type"} - OF_ONE_CONNECTION


async def test_a_client_that_goes_from_process_to_process_misses_nothing(scene: Scene) -> None:
    """What it is told at each, `sync` goes on from; and what was read elsewhere has changed."""
    person = await scene.world.person()
    sent = [(await scene.world.send(person)).body["id"] for _ in range(3)]
    first, second = await scene.sockets_of(person)
    found = await first.sync(None, limit=2)
    assert [each["id"] for each in found["notifications"]] == sent[:2]
    assert found["has_more"]
    path = "/api/notifications/mark-read/"
    await scene.world.api.post(path, person.token, {"notification_ids": sent[:1]})
    for socket in (first, second):
        await socket.expect("notification.read")
    rest = await second.sync(sent[1])
    assert [each["id"] for each in rest["notifications"]] == sent[2:]
    assert rest["changed"] == [{"id": sent[0], "is_read": True, "is_deleted": False}]
    assert (rest["has_more"], rest["unread_count"]) == (False, 2)


async def test_every_process_counts_the_same(scene: Scene) -> None:
    person = await scene.world.person()
    sockets, ids = await told(scene, person, 3)
    await sockets[0].send(type="mark_read", notification_ids=ids[:1])
    for socket in sockets:
        await socket.expect("notification.read")
    for api in scene.apis:
        answer = await api.get("/api/notifications/unread-count/", person.token)
        assert answer.body == {"unread_count": 2}
