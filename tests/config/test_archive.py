from __future__ import annotations

from pathlib import Path

import pytest

from config.archive import ArchivePlace, ArchiveUnusable, read_archive_place


def test_a_directory_need_not_be_there(tmp_path: Path) -> None:
    place = read_archive_place(str(tmp_path / "archive"))
    assert place == ArchivePlace(path=str(tmp_path / "archive"))
    assert str(place) == str(tmp_path / "archive")


def test_a_bucket_is_taken_apart() -> None:
    place = read_archive_place("s3://cold-store/savenbite/2026/?region=af-south-1")
    assert place == ArchivePlace(path="savenbite/2026", bucket="cold-store", region="af-south-1")
    assert str(place) == "s3://cold-store/savenbite/2026"
    assert read_archive_place("s3://cold-store").path == ""
    local = read_archive_place("s3://cold-store/x?endpoint=http://127.0.0.1:9000")
    assert local.endpoint == "http://127.0.0.1:9000"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (__file__, "is not a directory"),
        ("gs://bucket/prefix", "must be a directory or s3://bucket/prefix"),
        ("s3:///prefix", "names no bucket"),
        ("s3://Not_A_Bucket/prefix", "names no bucket"),
        ("s3://bucket/x?colour=red", "has an unknown option 'colour'"),
        ("s3://bucket/x?endpoint=nowhere", "endpoint must be a URL"),
    ],
)
def test_what_is_no_place_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ArchiveUnusable, match=problem):
        read_archive_place(text)
