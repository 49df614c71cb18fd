"""Over the wire: Amazon's S3 as moto speaks it, and what answers badly."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import boto3
import pytest

from config.images import Bucket
from storage import image_bucket
from storage.image_bucket import ImageBucket
from storage.image_objects import ImageStoreUnavailable
from storage.images import Image
from tests.support.forms import posted
from tests.support.peers.aws import AwsPeer, aws_peer

PNG = b"\x89PNG\r\n\x1a\n" + b"p" * 92


@pytest.fixture(scope="module")
def peer() -> Iterator[AwsPeer]:
    with aws_peer() as started:
        boto3.client(
            "s3",
            region_name="us-east-1",
            endpoint_url=started.url,
            aws_access_key_id="id",
            aws_secret_access_key="secret",
        ).create_bucket(Bucket="pictures")
        yield started


def bucket_at(url: str) -> Bucket:
    place = f"{url}/pictures"
    return Bucket(
        name="pictures", region="us-east-1", url=place, public_url=place, key_id="id", secret="s"
    )


@pytest.fixture
async def bucket(peer: AwsPeer) -> AsyncIterator[ImageBucket]:
    made = ImageBucket(bucket_at(peer.url), lambda: datetime.now(UTC))
    yield made
    await made.close()


@pytest.fixture
def image() -> Image:
    now = datetime.now(UTC)
    return Image(
        id=uuid4(),
        owner=uuid4(),
        content_type="image/png",
        size_bytes=100,
        created_at=now,
        expires_at=now + timedelta(minutes=15),
        purge_at=now + timedelta(days=1),
    )


async def test_a_form_uploads_what_is_then_found(bucket: ImageBucket, image: Image) -> None:
    assert await bucket.look(image) is None
    form = bucket.form(image)
    assert posted(form.url, form.fields, PNG) == 201
    found = await bucket.look(image)
    assert found is not None
    assert (found.head, found.size_bytes, found.content_type) == (PNG[:16], 100, "image/png")
    await bucket.remove(image)
    assert await bucket.look(image) is None


async def test_readers_find_it_below_the_public_address(peer: AwsPeer) -> None:
    public = replace(bucket_at(peer.url), public_url="https://cdn.example")
    made = ImageBucket(public, lambda: datetime.now(UTC))
    assert made.base_url == "https://cdn.example/images/"
    await made.close()


async def test_a_bucket_that_is_away_is_an_outage(image: Image) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        made = ImageBucket(
            bucket_at(f"http://127.0.0.1:{nobody.getsockname()[1]}"), lambda: datetime.now(UTC)
        )
        for work in (made.look(image), made.remove(image)):
            with pytest.raises(ImageStoreUnavailable):
                await work
        await made.close()


async def test_a_bucket_that_says_nothing_is_not_waited_for(
    image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_bucket, "TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        made = ImageBucket(
            bucket_at(f"http://127.0.0.1:{silent.getsockname()[1]}"), lambda: datetime.now(UTC)
        )
        began_s = time.monotonic()
        with pytest.raises(ImageStoreUnavailable):
            await made.look(image)
        assert time.monotonic() - began_s < 5
        await made.close()
