from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from tasks.archives.files import file_name, packed
from tests.storage.samples import NOON, a_row


def test_each_row_is_a_line_of_json() -> None:
    rows = [a_row(uuid4()).to_document() | {"claim": b"\x00\xff"} for _ in range(3)]
    lines = gzip.decompress(packed(rows)).splitlines()
    read = [json.loads(line) for line in lines]
    assert [UUID(row["_id"]) for row in read] == [row["_id"] for row in rows]
    assert read[0]["created_at"] == "2026-11-22T12:00:00Z"
    assert read[0]["claim"] == "AP8="


def test_the_same_rows_make_the_same_bytes() -> None:
    rows = [a_row(uuid4()).to_document()]
    assert packed(rows) == packed(rows)


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError):
        packed([{"_id": object()}])


def test_names_tell_the_times_of_the_first_and_the_last_row_and_sort_by_them() -> None:
    rows = [{"created_at": NOON}, {"created_at": NOON + timedelta(milliseconds=7)}]
    name = file_name(rows)
    assert name == ("notifications/2026/11/22/20261122T120000.000Z--20261122T120000.007Z.ndjson.gz")
    later = [{"created_at": datetime(2027, 1, 1, tzinfo=UTC)}]
    assert name < file_name(later)
