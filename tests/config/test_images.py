from __future__ import annotations

from collections.abc import Mapping

import pytest

from config.images import Bucket, read_images_bucket
from config.reader import Reader, SettingsError

KEYS = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret"}


def read(
    url: str | None, environ: Mapping[str, str] = KEYS, *, is_production: bool = False
) -> Bucket | None:
    given = {"SNB_IMAGES_URL": url} if url is not None else {}
    return read_images_bucket(Reader(given), environ, is_production=is_production)


@pytest.mark.parametrize("url", [None, "file:"])
def test_without_a_bucket_pictures_are_files(url: str | None) -> None:
    assert read(url) is None


def test_production_has_to_say_that_it_means_files() -> None:
    assert read("file:", is_production=True) is None
    with pytest.raises(SettingsError, match="SNB_IMAGES_URL: must be set in production"):
        read(None, is_production=True)


def test_amazon_is_where_a_bucket_is_by_default() -> None:
    assert read("s3://pictures?region=af-south-1", {**KEYS, "AWS_SESSION_TOKEN": "t"}) == Bucket(
        name="pictures",
        region="af-south-1",
        url="https://pictures.s3.af-south-1.amazonaws.com",
        public_url="https://pictures.s3.af-south-1.amazonaws.com",
        key_id="AKIA",
        secret="secret",
        session_token="t",
    )


def test_any_other_service_has_its_endpoint_and_keys_of_its_own() -> None:
    url = "s3://id:p%40ss@pictures?endpoint=http://127.0.0.1:9000/&public_url=https://cdn.example/"
    bucket = read(url, {**KEYS, "AWS_SESSION_TOKEN": "t"})
    assert bucket is not None
    assert (bucket.url, bucket.public_url) == (
        "http://127.0.0.1:9000/pictures",
        "https://cdn.example",
    )
    assert (bucket.key_id, bucket.secret, bucket.session_token) == ("id", "p@ss", None)
    assert "p@ss" not in repr(bucket)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("s3://", "must be file: or s3://bucket"),
        ("s3://b", "must be file: or s3://bucket"),
        ("s3://bucket/path", "must be file: or s3://bucket"),
        ("s3://bucket:99", "must be file: or s3://bucket"),
        ("s3://bucket:x", "is not a URL"),
        ("https://bucket", "must be file: or s3://bucket"),
        ("file:/tmp", "must be file: or s3://bucket"),
        ("s3://bucket?colour=red", "has an unknown option 'colour'"),
        ("s3://bucket?endpoint=nowhere", "endpoint must be a URL"),
        ("s3://bucket?public_url=nowhere", "public_url must be a URL"),
        ("s3://bucket?region=a/b", "region must be one such as"),
    ],
)
def test_what_makes_no_sense_is_refused(url: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        read(url)


@pytest.mark.parametrize("environ", [{}, {"AWS_ACCESS_KEY_ID": "AKIA"}])
def test_a_bucket_needs_keys(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="needs keys"):
        read("s3://pictures", environ)
