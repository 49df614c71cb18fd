"""Behind the balancer that deploy/ describes each user has one process, whatever they ask."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from bench.balancer import Balancer, running_balancer
from bench.ports import free_ports
from tests.flows.processes.conftest import Scene
from tests.support.api import Api, token
from tests.support.processes import ServerProcess, server_process
from tests.support.relay import directly, relayed
from tests.support.sockets import Socket
from tests.support.world import Person, World, eventually

NOTICED_WITHIN_S = 60.0
PEOPLE = 60
"""That all of them have the same of three processes is less likely than one in 10^10."""


@contextmanager
def before(directory: Path, processes: Sequence[str]) -> Iterator[tuple[Balancer, str]]:
    """Run the balancer before `processes`, named by their addresses; give it and its own."""
    port = free_ports(1)
    ports = [urlsplit(process).port or 0 for process in processes]
    with running_balancer(directory, port, ports) as balancer:
        yield balancer, f"http://127.0.0.1:{port}"


@pytest.fixture
def address(processes: list[ServerProcess], tmp_path: Path) -> Iterator[str]:
    """Return the address of a balancer before all processes."""
    with before(tmp_path, [each.base_url for each in processes]) as (_, found):
        yield found


class Watch:
    """What the metrics of each process have come to say since it began."""

    def __init__(self, apis: Sequence[Api], figure: str) -> None:
        self._apis = apis
        self._figure = re.compile(rf"^{figure}(?:{{.*}})? (.+)$", re.MULTILINE)
        self._before: list[float] = []

    async def begin(self) -> None:
        self._before = await self._read()

    async def gained(self) -> list[float]:
        now = await self._read()
        return [one - then for one, then in zip(now, self._before, strict=True)]

    async def _read(self) -> list[float]:
        answers = [await api.raw("/metrics") for api in self._apis]
        return [sum(map(float, self._figure.findall(answer.body.decode()))) for answer in answers]


async def connected(person: Person, address: str) -> Socket:
    """Connect somebody who says in the address whom it is for."""
    own = f"/ws/notifications/{str(person.id).upper()}/"
    socket = await Socket.open(address, path=own)
    await socket.send(type="authenticate", token=person.token)
    await socket.expect("authentication_success")
    return socket


async def connected_in_all_ways(person: Person, address: str) -> list[Socket]:
    """Connect somebody in each way in which a balancer can know who it is."""
    by_header = await Socket.open(address, headers={"Authorization": f"Bearer {person.token}"})
    by_subprotocol = await Socket.open(address, subprotocols=["bearer", person.token])
    for socket in (by_header, by_subprotocol):
        await socket.expect("authentication_success")
    return [await connected(person, address), by_header, by_subprotocol]


async def closed(sockets: Sequence[Socket], watch: Watch) -> None:
    """Close `sockets`, and wait until the processes know."""
    for socket in sockets:
        socket.close()

    async def are_gone() -> bool:
        return not any(await watch.gained())

    await eventually(are_gone)


async def test_all_sockets_and_requests_of_a_user_come_to_one_process(
    scene: Scene, address: str
) -> None:
    sockets = Watch(scene.apis, "snb_sockets")
    requests = Watch(scene.apis, "snb_http_request_duration_seconds_count{.*unread-count.*}")
    api = Api(address)
    for _ in range(3):
        person = await scene.world.person()
        for watch in (sockets, requests):
            await watch.begin()
        opened = await connected_in_all_ways(person, address)
        for _ in range(5):
            answer = await api.get("/api/notifications/unread-count/", person.token)
            assert answer.body["unread_count"] == 0
        with_sockets = await sockets.gained()
        assert sorted(with_sockets) == [0, 0, 3]
        assert [3 * count for count in await requests.gained()] == [
            5 * count for count in with_sockets
        ]
        await closed(opened, sockets)
    api.close()


async def test_users_are_spread_over_all_processes(scene: Scene, address: str) -> None:
    sockets = Watch(scene.apis, "snb_sockets")
    await sockets.begin()
    people = await scene.world.people(PEOPLE)
    opened = [await connected(person, address) for person in people]
    gained = await sockets.gained()
    assert sum(gained) == PEOPLE
    assert min(gained) > 0
    await closed(opened, sockets)


async def test_what_is_sent_to_somebody_comes_to_the_process_that_has_them(
    scene: Scene, address: str
) -> None:
    sockets = Watch(scene.apis, "snb_sockets")
    sends = Watch(scene.apis, 'snb_http_request_duration_seconds_count{.*method="POST".*}')
    world = World(Api(address))
    people = await scene.world.people(12)
    for watch in (sockets, sends):
        await watch.begin()
    opened = [await connected(person, address) for person in people]
    for person, socket in zip(people, opened, strict=True):
        sent = await world.send(person)
        assert (await socket.notified())["notification_id"] == sent.body["id"]
    assert await sends.gained() == await sockets.gained()
    await closed(opened, sockets)
    world.api.close()


async def test_what_a_service_tells_goes_to_all_processes(scene: Scene, address: str) -> None:
    requests = Watch(scene.apis, "snb_http_request_duration_seconds_count{.*internal/events.*}")
    await requests.begin()
    world = World(Api(address))
    for _ in range(12):
        await world.person()
    gained = await requests.gained()
    assert sum(gained) == 12
    assert min(gained) > 0
    world.api.close()


async def test_where_no_process_is_the_balancer_answers_as_the_service_does(
    tmp_path: Path,
) -> None:
    with before(tmp_path, []) as (_, address):
        api = Api(address)
        for sent, is_kept in (("a/sane+one", True), ("not {one}", False)):
            headers = {"X-Request-ID": sent}
            answer = await api.get("/api/notifications/", token(), headers=headers)
            assert (answer.status, answer.error["code"]) == (503, "UNAVAILABLE")
            given = answer.headers["X-Request-ID"]
            assert given == sent if is_kept else UUID(given)
        api.close()


async def test_a_process_that_hangs_up_is_unavailable(tmp_path: Path) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with before(tmp_path, [f"http://127.0.0.1:{port}"]) as (_, address):
            api = Api(address)
            answer = await api.get("/api/notifications/", token())
            assert (answer.status, answer.error["code"]) == (503, "UNAVAILABLE")
            assert answer.error["message"] == "The process that was asked is gone"
            api.close()


async def test_who_is_behind_the_balancer_has_the_address_that_they_come_from(
    mongodb_uri: str, redis_url: str, database_name: str, tmp_path: Path
) -> None:
    variables = {
        "SNB_INSTANCE": "proxied",
        "SNB_TRUSTED_PROXIES": "127.0.0.1",
        "SNB_METRICS_ALLOW": "192.0.2.0/24",
    }
    async with server_process(mongodb_uri, redis_url, database_name, **variables) as process:
        await process.start()
        with before(tmp_path, [process.base_url]) as (_, address):
            api = Api(address)
            refused = await api.raw("/metrics", **{"X-Forwarded-For": "192.0.2.1"})
            direct = Api(process.base_url)
            believed = await direct.raw("/metrics", **{"X-Forwarded-For": "192.0.2.1"})
            assert (refused.code, believed.code) == (403, 200)
            for each in (api, direct):
                each.close()


async def test_while_none_is_ready_the_service_says_so_itself(
    mongodb_uri: str, redis_url: str, database_name: str, tmp_path: Path
) -> None:
    with relayed(mongodb_uri) as store:
        async with server_process(
            directly(store.url), redis_url, database_name, SNB_INSTANCE="unready"
        ) as process:
            await process.start()
            with before(tmp_path, [process.base_url]) as (balancer, address):
                world = World(Api(address))
                person = await world.person()
                store.vanish()
                await eventually(lambda: says(balancer, "is DOWN"), within_s=NOTICED_WITHIN_S)
                answer = await world.api.get("/api/notifications/", person.token)
                assert (answer.status, answer.error["code"]) == (503, "UNAVAILABLE")
                store.appear()
                await eventually(lambda: says(balancer, "is UP"), within_s=NOTICED_WITHIN_S)
                assert (await world.inbox(person))["count"] == 0
                world.api.close()


async def test_users_of_a_killed_process_come_to_the_other(
    mongodb_uri: str, redis_url: str, database_name: str, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        stays, dies = [
            await stack.enter_async_context(
                server_process(mongodb_uri, redis_url, database_name, SNB_INSTANCE=name)
            )
            for name in ("stays", "dies")
        ]
        await asyncio.gather(stays.start(), dies.start())
        _, address = stack.enter_context(before(tmp_path, [stays.base_url, dies.base_url]))
        world = World(Api(address))
        survivor = Api(stays.base_url)
        sockets = Watch([survivor], "snb_sockets")
        people = await world.people(PEOPLE)
        await sockets.begin()
        first = [await connected(person, address) for person in people]
        (stayed,) = await sockets.gained()
        assert 0 < stayed < PEOPLE
        dies.kill()
        again = [await connected(person, address) for person in people]
        assert await sockets.gained() == [stayed + PEOPLE]
        for person, socket in zip(people, again, strict=True):
            sent = await world.send(person)
            assert (await socket.notified())["notification_id"] == sent.body["id"]
        for socket in (*first, *again):
            socket.close()
        for api in (world.api, survivor):
            api.close()


async def says(balancer: Balancer, words: str) -> bool:
    return words in balancer.log.read_text()
