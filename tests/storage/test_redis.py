from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from redis.exceptions import ResponseError
from tornado.testing import bind_unused_port

from storage.redis import TAGS, RedisStore, RedisUnavailable, tagged_key, user_tag
from tests.support.redis_cluster import ClusterNode, LocalCluster
from tests.support.world import eventually

if TYPE_CHECKING:
    from pathlib import Path

SOMEBODY = UUID("00000000-0000-4000-8000-000000000041")


async def test_it_reaches_a_plain_redis(redis_url: str) -> None:
    redis = RedisStore(redis_url)
    async with redis.call() as client:
        await client.set("snb:test", "there")
        assert await client.get("snb:test") == b"there"
    await redis.close()


async def test_callers_at_the_start_share_one_client(redis_url: str) -> None:
    redis = RedisStore(redis_url)

    async def client() -> object:
        async with redis.call() as found:
            return found

    assert len({id(each) for each in await asyncio.gather(client(), client(), client())}) == 1
    await redis.close()


async def test_what_is_closed_can_be_used_again(redis_url: str) -> None:
    redis = RedisStore(redis_url)
    for _ in range(2):
        async with redis.call() as client:
            assert await client.ping()
        await redis.close()
    await redis.close()


async def test_nothing_is_left_open_once_a_cluster_has_lost_a_node(tmp_path: Path) -> None:
    cluster = LocalCluster(tmp_path)
    redis = RedisStore(cluster.start())
    *others, lost = cluster.nodes

    async def is_left_alone() -> bool:
        return not any(_clients(node) for node in others)

    try:
        await _ask_all_nodes(redis)
        assert not await is_left_alone()
        lost.stop()
        await _ask_all_nodes(redis)
        await redis.close()
        assert await eventually(is_left_alone)
    finally:
        cluster.stop()


async def test_nobody_there_is_unavailable() -> None:
    socket, port = bind_unused_port()
    socket.close()
    redis = RedisStore(f"redis://127.0.0.1:{port}/0")
    with pytest.raises(RedisUnavailable) as caught:
        async with redis.call() as client:
            await client.ping()
    assert caught.value.reason == "ConnectionError"
    await redis.close()


async def test_one_that_still_reads_its_file_is_unavailable() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1_000):
            writer.write(b"-LOADING Valkey is loading the dataset in memory\r\n")
        writer.close()

    loading = await asyncio.start_server(refuse, "127.0.0.1")
    port = loading.sockets[0].getsockname()[1]
    redis = RedisStore(f"redis://127.0.0.1:{port}/0")
    with pytest.raises(RedisUnavailable, match="BusyLoadingError"):
        async with redis.call() as client:
            await client.ping()
    await redis.close()
    loading.close()
    await loading.wait_closed()


async def test_one_who_never_answers_is_unavailable_at_the_deadline() -> None:
    socket, port = bind_unused_port()
    redis = RedisStore(f"redis://127.0.0.1:{port}/0")
    with pytest.raises(RedisUnavailable) as caught:
        async with redis.call(deadline_s=0.05) as client:
            await client.ping()
    assert caught.value.reason == "deadline"
    socket.close()
    await redis.close()


async def test_a_command_that_is_wrong_is_our_fault(redis_url: str) -> None:
    redis = RedisStore(redis_url)
    with pytest.raises(ResponseError):
        async with redis.call() as client:
            await client.execute_command("NO SUCH COMMAND")
    await redis.close()


def test_a_user_has_one_tag_of_sixty_four() -> None:
    assert user_tag(SOMEBODY) == "{l01}"
    assert tagged_key("caps", SOMEBODY) == f"snb:{{l01}}:caps:{SOMEBODY}"
    assert len({user_tag(UUID(int=number)) for number in range(1_000)}) == TAGS


async def _ask_all_nodes(redis: RedisStore) -> None:
    async with redis.call(deadline_s=60) as client:
        await asyncio.gather(*[client.get(str(key)) for key in range(60)], return_exceptions=True)


def _clients(node: ClusterNode) -> int:
    """Count who is connected to `node`, without the one who asks."""
    with node.client() as client:
        return len(client.client_list(_type="normal")) - 1
