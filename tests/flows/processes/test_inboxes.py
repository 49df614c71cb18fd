"""What one asks of an inbox is the same at a process to which its user is not connected."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from storage.bus_members import MEMBERS
from storage.bus_streams import stream_key
from tests.flows.processes.conftest import Scene
from tests.support.api import Answer, Api
from tests.support.processes import ServerProcess
from tests.support.sockets import Socket
from tests.support.world import Person, eventually

MARK_READ = "/api/notifications/mark-read/"


class Visit:
    """Somebody with some notifications, who is connected to one process alone."""

    def __init__(self, person: Person, socket: Socket, ids: list[str]) -> None:
        self.person = person
        self.socket = socket
        self.ids = ids

    @classmethod
    async def begin(cls, scene: Scene, at: Api, *, count: int = 5) -> Visit:
        person = await scene.world.person()
        ids = [(await scene.world.send(person)).body["id"] for _ in range(count)]
        return cls(person, await Socket.authenticated(at.base_url, person.token), ids)

    async def unread_counts(self, apis: Sequence[Api]) -> list[int]:
        """Return what each process says by itself, and beside a list."""
        counts = []
        for api in apis:
            for path in ("unread-count/", "?page_size=2"):
                answer = await api.get(f"/api/notifications/{path}", self.person.token)
                counts.append(answer.body["unread_count"])
        return counts

    async def mark(self, api: Api, *ids: str) -> Answer:
        return await api.post(MARK_READ, self.person.token, {"notification_ids": ids})

    async def delete(self, api: Api, notification_id: str) -> Answer:
        return await api.delete(f"/api/notifications/{notification_id}/delete/", self.person.token)


async def said(visit: Visit, kind: str, **data: Any) -> None:
    frame = await visit.socket.expect(kind)
    assert {name: frame["data"][name] for name in data} == data


async def test_requests_anywhere_agree_with_the_socket(scene: Scene) -> None:
    left, middle, right = scene.apis
    visit = await Visit.begin(scene, middle)
    token, ids = visit.person.token, visit.ids
    answer = await visit.mark(left, ids[0])
    assert answer.body["unread_count"] == 4
    await said(visit, "notification.read", notification_id=ids[0], unread_count=4)
    assert await visit.unread_counts(scene.apis) == [4] * 6
    answer = await left.post(f"/api/notifications/{ids[1]}/click/", token, {"action": "view"})
    assert answer.status == 200
    await said(visit, "notification.read", notification_id=ids[1], unread_count=3)
    answer = await left.post(f"/api/notifications/{uuid4()}/click/", token, {})
    assert answer.status == 404
    assert (await visit.delete(right, ids[2])).status == 200
    await said(visit, "notification.deleted", notification_id=ids[2], unread_count=2)
    assert (await visit.delete(left, ids[2])).status == 404
    assert await visit.unread_counts(scene.apis) == [2] * 6
    answer = await left.post("/api/notifications/mark-all-read/", token)
    assert answer.body["unread_count"] == 0
    await said(visit, "notifications.bulk_read", marked_count=2, unread_count=0)
    await visit.socket.ponged()
    visit.socket.close()


@pytest.mark.timeout(seconds=120)
async def test_what_a_killed_process_was_asked_is_done_without_it(
    scene: Scene, processes: list[ServerProcess], redis_url: str
) -> None:
    left, middle, right = scene.apis
    visits = [await Visit.begin(scene, middle) for _ in range(3)]
    # Each knows now whom to ask.
    for visit in visits:
        assert await visit.unread_counts([left, right]) == [5] * 4
    async with Redis.from_url(redis_url) as redis:
        members: Any = await redis.zrange(MEMBERS, 0, -1)
        (stream,) = (stream_key(each.decode()) for each in members if b"middle#" in each)
        processes[1].freeze()
        before = await redis.xlen(stream)
        asked = asyncio.gather(
            visits[0].mark(left, visits[0].ids[0]),
            visits[1].mark(right, *visits[1].ids[:2]),
            visits[2].delete(left, visits[2].ids[0]),
        )

        async def are_pending() -> bool:
            return bool(await redis.xlen(stream) >= before + 2)

        await eventually(are_pending)
    processes[1].kill()
    one, two, deleted = await asked
    assert (one.body["marked_count"], one.body["unread_count"]) == (1, 4)
    assert (two.body["marked_count"], two.body["unread_count"]) == (2, 3)
    assert deleted.status == 200
    for visit, unread in zip(visits, (4, 3, 4), strict=True):
        socket = await Socket.authenticated(right.base_url, visit.person.token)
        assert await visit.unread_counts([left, right]) == [unread] * 4
        visit.socket.close()
        socket.close()
