from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from tornado.testing import bind_unused_port

from config.archive import read_archive_place
from tasks.archives.archive import ArchiveUnavailable
from tasks.archives.directory import DirectoryArchive
from tasks.archives.opening import open_archive
from tasks.archives.s3 import S3Archive
from tests.support.peers.aws import AwsPeer, aws_peer

NAME = "notifications/2026/05/22/file.ndjson.gz"

# botocore's own.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDTESTS")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret for tests")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsPeer]:
    with aws_peer() as peer:
        yield peer


def s3_at(url: str, path: str = "bucket/kept") -> S3Archive:
    archive = open_archive(read_archive_place(f"s3://{path}?region=eu-west-1&endpoint={url}"))
    assert isinstance(archive, S3Archive)
    return archive


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_a_directory_is_made_and_its_files_are_replaced(tmp_path: Path) -> None:
    archive = open_archive(read_archive_place(str(tmp_path / "archive")))
    assert isinstance(archive, DirectoryArchive)
    await archive.put(NAME, b"half")
    await archive.put(NAME, b"whole")
    file = tmp_path / "archive" / NAME
    assert file.read_bytes() == b"whole"
    assert names(file.parent) == [file.name]


async def test_those_who_write_the_same_file_at_once_do_not_meet(tmp_path: Path) -> None:
    archive, content = DirectoryArchive(tmp_path), bytes(1 << 20)
    await asyncio.gather(*(archive.put(NAME, content) for _ in range(8)))
    file = tmp_path / NAME
    assert file.read_bytes() == content
    assert names(file.parent) == [file.name]


async def test_a_directory_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    (tmp_path / "notifications").write_text("in the way")
    with pytest.raises(ArchiveUnavailable, match="cannot be written: Not a directory"):
        await DirectoryArchive(tmp_path).put(NAME, b"x")


@pytest.mark.parametrize(("path", "key"), [("bucket/kept/", f"kept/{NAME}"), ("bucket", NAME)])
async def test_objects_go_below_the_prefix_and_are_replaced(
    aws: AwsPeer, path: str, key: str
) -> None:
    aws.reset()
    client = boto3.client("s3", region_name="us-east-1", endpoint_url=aws.url)
    client.create_bucket(Bucket="bucket")
    archive = s3_at(aws.url, path)
    await archive.put(NAME, b"half")
    await archive.put(NAME, b"whole")
    assert [each["Key"] for each in client.list_objects_v2(Bucket="bucket")["Contents"]] == [key]
    assert client.get_object(Bucket="bucket", Key=key)["Body"].read() == b"whole"


async def test_a_bucket_that_is_not_there_is_told_of(aws: AwsPeer) -> None:
    aws.reset()
    with pytest.raises(ArchiveUnavailable, match="archive s3://bucket/kept .*: NoSuchBucket"):
        await s3_at(aws.url).put(NAME, b"x")


async def test_a_service_that_is_away_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    socket, port = bind_unused_port()
    socket.close()
    with pytest.raises(ArchiveUnavailable, match="EndpointConnectionError"):
        await s3_at(f"http://127.0.0.1:{port}").put(NAME, b"x")


def test_where_none_is_named_there_is_none() -> None:
    assert open_archive(None) is None
