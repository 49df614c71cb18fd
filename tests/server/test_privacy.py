"""The export of all that is stored about somebody (contract section 2.5)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from socket import SO_SNDBUF, SOL_SOCKET
from typing import Any
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from server.application import Application
from server.auth import INBOX_OWNERS
from server.edge import Edge
from server.handlers.privacy import ExportHandler
from server.service import Service
from tests.server.inboxes import a_row, keep
from tests.server.wire import Wire
from tests.support.api import Api, token
from tests.support.world import Person, World, eventually

EXPORT = "/api/privacy/export/"
EMPTY: dict[str, list[Any]] = {
    section: []
    for section in (
        *("devices", "follows", "businesses", "notifications"),
        *("interests", "pickups", "images", "schedules", "schedules_made", "audit_log"),
    )
}

HELD_BYTES = 64 * 1024
"""What the sending end of a connection holds that nobody reads."""


async def exported(api: Api, person: Person, path: str = EXPORT) -> dict[str, Any]:
    answer = await api.get(path, person.token)
    assert answer.status == 200, answer.body
    document: dict[str, Any] = answer.body
    return document


def of_the_inbox(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the notifications but for the welcome, which was a mail."""
    return [row for row in document["notifications"] if row["kind"] != "welcome"]


@pytest.mark.parametrize("user_type", sorted(INBOX_OWNERS))
async def test_somebody_of_whom_nothing_is_kept_is_told_so(api: Api, user_type: str) -> None:
    user_id = uuid4()
    document = await exported(api, Person(user_id, token(user_id, user_type)))
    assert document.pop("exported_at").endswith("Z")
    assert document.pop("preferences")["email_notifications"] is True
    assert document == {"user_id": str(user_id), "profile": None, **EMPTY}


async def test_an_export_has_everything(world: World) -> None:
    shop, other_shop = await world.shop(), await world.shop(name="Left")
    person = await world.follower(shop, phone="+27821234567", name="Anna Nkosi", locale="af")
    await world.api.post("/api/follow/", person.token, {"business_id": str(other_shop.id)})
    await world.unfollow(person, other_shop)
    await world.prefer(person, mute_all=False, quiet_hours={"start": "21:00"})
    device_token = uuid4().hex
    await world.api.post(
        "/api/devices/", person.token, {"device_token": device_token, "platform": "web"}
    )
    for name in ("Bread", "Milk"):
        await world.post_listing(shop, name)
    told = await world.told(person, 2)
    await world.api.delete(f"/api/notifications/{told[0]['id']}/delete/", person.token)

    answer = await world.api.get(EXPORT, person.token)
    assert answer.headers["Content-Disposition"] == (
        f'attachment; filename="savenbite-{person.id}.json"'
    )
    document = answer.body
    assert document["user_id"] == str(person.id)
    profile = document["profile"]
    assert (profile["id"], profile["name"]) == (str(person.id), "Anna Nkosi")
    assert (profile["email"], profile["phone"]) == (f"{person.id}@example.org", "+27821234567")
    assert document["preferences"]["locale"] == "af"
    assert document["preferences"]["quiet_hours"]["start"] == "21:00"
    (device,) = document["devices"]
    assert (device["platform"], device["hint"]) == ("web", "…" + device_token[-4:])
    assert device_token not in json.dumps(document)
    follows = {row["business_id"]: row["is_active"] for row in document["follows"]}
    assert follows == {str(shop.id): True, str(other_shop.id): False}
    (welcome,) = (row for row in document["notifications"] if row["kind"] == "welcome")
    assert welcome["channels"].keys() == {"email"}
    notifications = of_the_inbox(document)
    assert [row["id"] for row in notifications] == [row["id"] for row in told]
    assert [row["is_deleted"] for row in notifications] == [True, False]
    assert notifications[0]["channels"]["in_app"] == {"status": "delivered"}
    assert notifications[0]["created_at"] == told[0]["created_at"]
    assert document["businesses"] == []


async def test_a_provider_s_export_has_the_business(world: World) -> None:
    shop = await world.shop(address="1 Long Street")
    document = await exported(world.api, shop.owner)
    assert [row["id"] for row in document["businesses"]] == [str(shop.id)]
    assert document["businesses"][0]["address"] == "1 Long Street"


async def test_an_export_has_nothing_of_others(world: World) -> None:
    shop = await world.shop()
    first, second = await world.follower(shop), await world.follower(shop)
    await world.post_listing(shop)
    for person, other in ((first, second), (second, first)):
        await world.told(person)
        document = await exported(world.api, person)
        assert len(of_the_inbox(document)) == len(document["follows"]) == 1
        assert str(other.id) not in json.dumps(document)


async def test_an_admin_exports_anybody_who_is_known(world: World) -> None:
    person, admin = await world.person(), await world.person("admin")
    path = f"/api/privacy/users/{person.id}/export/"
    for spelled in (path, path.rstrip("/")):
        profile = (await exported(world.api, admin, spelled))["profile"]
        own = (await exported(world.api, person))["profile"]
        # To ask for it makes one active.
        own.pop("last_active_at", None)
        profile.pop("last_active_at", None)
        assert profile == own
    unknown = await world.api.get(f"/api/privacy/users/{uuid4()}/export/", admin.token)
    assert (unknown.status, unknown.error["code"]) == (404, "NOT_FOUND")
    for other in (person, await world.person("provider")):
        assert (await world.api.get(path, other.token)).status == 403


async def test_what_an_admin_exports_of_others_is_on_record(world: World) -> None:
    person, admin = await world.person(), await world.person("admin")
    await exported(world.api, admin)
    await exported(world.api, admin, f"/api/privacy/users/{person.id}/export/")
    await world.api.get(f"/api/privacy/users/{uuid4()}/export/", admin.token)
    log = await world.api.get(f"/api/audit-log/?actor_id={admin.id}", admin.token)
    (row,) = log.body["results"]
    assert (row["action"], row["target"]) == ("privacy.export", str(person.id))


async def test_a_long_history_comes_whole_and_in_parts(
    world: World, service: Service, wire: Wire
) -> None:
    person = await world.person()
    ids = await keep(service, person, *[{}] * 1_800)
    await wire.send(f"GET {EXPORT} HTTP/1.1", f"Authorization: Bearer {person.token}")
    head = await wire.reader.readuntil(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head
    chunks = [chunk async for chunk in chunks_of(wire)]
    assert max(map(len, chunks)) < sum(map(len, chunks)) / 3
    document = json.loads(b"".join(chunks))
    assert [row["id"] for row in of_the_inbox(document)] == ids[::-1]


async def chunks_of(wire: Wire) -> AsyncIterator[bytes]:
    """Yield the chunks up to the one that ends them (RFC 9112 section 7.1)."""
    while size := int(await wire.reader.readuntil(b"\r\n"), 16):
        yield (await wire.reader.readexactly(size + 2))[:-2]
    assert await wire.reader.readexactly(2) == b"\r\n"


async def test_head_reads_no_history_and_leaves_the_connection_in_order(
    world: World, service: Service, wire: Wire
) -> None:
    person = await world.person()
    # Reading it would fail.
    await service.stores.notifications.insert([a_row(person.id, data={"unforeseen": b"bytes"})])
    await wire.send(f"HEAD {EXPORT} HTTP/1.1", f"Authorization: Bearer {person.token}")
    head = await wire.reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert b"Content-Length" not in head
    await wire.send("GET /health/live/ HTTP/1.1")
    assert (await wire.answer()).body == {"status": "live"}


async def test_two_exports_of_one_user_do_not_run_at_once(
    api: Api, service: Service, person: Person
) -> None:
    with service.exports.running(person.id):
        answer = await api.get(EXPORT, person.token)
        assert (answer.status, answer.error["code"]) == (503, "UNAVAILABLE")
    assert (await api.get(EXPORT, person.token)).status == 200


async def test_what_fails_half_way_does_not_pass_for_the_whole(
    world: World, service: Service, wire: Wire
) -> None:
    person = await world.person()
    row = a_row(person.id, data={"unforeseen": b"bytes"})
    await service.stores.notifications.insert([row])
    with capture_logs() as lines:
        await wire.send(f"GET {EXPORT} HTTP/1.1", f"Authorization: Bearer {person.token}")
        async with asyncio.timeout(30):
            answer = await wire.reader.read()
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b'"notifications":[' in answer
    assert not answer.endswith(b"0\r\n\r\n")
    assert [line["event"] for line in lines] == ["request_failed"]
    assert (await world.api.get("/health/live/")).status == 200
    await is_over(service, person.id)


async def is_over(service: Service, user_id: UUID) -> None:
    """Wait until another export of the user may begin."""

    async def has_room() -> bool:
        return user_id not in service.exports._running

    await eventually(has_room)


class ImpatientExport(ExportHandler):
    """As the service's own, but for the patience."""

    taken_within_s = 0.2


@asynccontextmanager
async def serving(service: Service, handler: type[ExportHandler]) -> AsyncIterator[str]:
    """Serve exports over connections that hold little themselves, and give where."""
    socket, port = bind_unused_port()
    # Those that come in by it inherit it; else the kernel takes some megabytes for the reader.
    socket.setsockopt(SOL_SOCKET, SO_SNDBUF, HELD_BYTES)
    edge = Edge(allowed_origins=(), is_https=False)
    server = HTTPServer(Application([(EXPORT, handler, {"service": service})], edge=edge))
    server.add_socket(socket)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()
        await server.close_all_connections()


async def keep_more_than_is_held(service: Service, person: Person) -> None:
    await keep(service, person, *[{"data": {"text": "x" * 400_000}}] * (40 * HELD_BYTES // 400_000))


async def test_who_does_not_read_is_left(world: World, service: Service) -> None:
    person = await world.person()
    await keep_more_than_is_held(service, person)
    async with serving(service, ImpatientExport) as url:
        wire = await Wire.open(url)
        with capture_logs() as lines:
            await wire.send(f"GET {EXPORT} HTTP/1.1", f"Authorization: Bearer {person.token}")
            await wire.reader.readuntil(b"\r\n\r\n")
            await is_over(service, person.id)
        await wire.close()
    assert [line["event"] for line in lines] == ["export_not_taken"]


async def test_who_goes_away_half_way_leaves_nothing_behind(world: World, service: Service) -> None:
    person = await world.person()
    await keep_more_than_is_held(service, person)
    async with serving(service, ExportHandler) as url:
        wire = await Wire.open(url)
        with capture_logs() as lines:
            await wire.send(f"GET {EXPORT} HTTP/1.1", f"Authorization: Bearer {person.token}")
            await wire.reader.readuntil(b"\r\n\r\n")
            await wire.close()
            await is_over(service, person.id)
    assert [line["event"] for line in lines] == ["export_not_taken"]
