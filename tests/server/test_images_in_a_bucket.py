"""Pictures in a bucket: the service signs, looks and takes no files itself."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import boto3
import pytest

from server.service import Service
from tests.support.api import Api, token
from tests.support.forms import posted
from tests.support.peers.aws import aws_peer
from tests.support.service import running
from tests.support.world import World

PNG = b"\x89PNG\r\n\x1a\n" + b"p" * 92
ADMIN = token(user_type="admin")


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """Start a bucket and return its settings."""
    with aws_peer() as peer:
        keys = {"aws_access_key_id": "id", "aws_secret_access_key": "secret"}
        client = boto3.client("s3", region_name="us-east-1", endpoint_url=peer.url, **keys)
        client.create_bucket(Bucket="pictures")
        yield f"s3://id:secret@pictures?endpoint={peer.url}"


@pytest.fixture(scope="module")
async def service(
    mongodb_uri: str, redis_url: str, database_name: str, bucket: str
) -> AsyncIterator[Service]:
    async with running(mongodb_uri, redis_url, database_name, SNB_IMAGES_URL=bucket) as started:
        yield started


async def announced(api: Api) -> Any:
    body = {"content_type": "image/png", "size_bytes": len(PNG)}
    answer = await api.post("/api/images/", ADMIN, body)
    assert answer.status == 201
    return answer.body


async def used(api: Api, world: World, url: str) -> Any:
    recipient = await world.person()
    body = {
        "recipient_id": str(recipient.id),
        "notification_type": "system_announcement",
        "title": "t",
        "message": "m",
        "image_url": url,
    }
    return await api.post("/api/notifications/", ADMIN, body)


@pytest.mark.parametrize(("content", "status"), [(PNG, 201), (b"GIF89a", 400), (None, 400)])
async def test_what_is_in_the_bucket_is_looked_at(
    api: Api, world: World, content: bytes | None, status: int
) -> None:
    form = await announced(api)
    assert form["image_url"].startswith(form["upload_url"] + "images/")
    if content is not None:
        assert posted(form["upload_url"], form["fields"], content) == 201
    assert (await used(api, world, form["image_url"])).status == status


async def test_the_service_takes_and_shows_no_files(api: Api) -> None:
    for method, path in (("POST", f"uploads/{uuid4()}/"), ("GET", f"{uuid4()}.png")):
        answer = await api.request(method, f"/images/{path}")
        assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")


async def test_while_the_bucket_is_away_its_pictures_are_not_sent(
    mongodb_uri: str, redis_url: str, database_name: str
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        url = f"s3://id:secret@pictures?endpoint=http://127.0.0.1:{port}"
        async with running(
            mongodb_uri, redis_url, f"{database_name}_away", SNB_IMAGES_URL=url
        ) as service:
            api = Api(service.settings.public_url)
            world = World(api)
            form = await announced(api)
            answer = await used(api, world, form["image_url"])
            assert (answer.status, answer.error["code"]) == (503, "UNAVAILABLE")
            assert (await used(api, world, "https://elsewhere.example/a.png")).status == 201
            world.close()
            api.close()
