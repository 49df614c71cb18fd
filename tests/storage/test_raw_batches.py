from __future__ import annotations

from typing import Any
from uuid import UUID

from bson import encode

from storage.raw_batches import by_id, documents_of
from storage.row_encoding import STANDARD

ROWS: list[dict[str, Any]] = [
    {"_id": UUID(int=1), "name": "Thandi", "device": {"_id": UUID(int=9)}},
    {"_id": UUID(int=2)},
    {"_id": UUID(int=3), "tags": ["a", "b"]},
]
ENCODED = [encode(row, codec_options=STANDARD) for row in ROWS]


def test_a_batch_is_cut_into_its_documents() -> None:
    assert list(documents_of(b"".join(ENCODED))) == ENCODED
    assert list(documents_of(b"")) == []


def test_what_documents_say_comes_with_the_bytes_of_their_ids() -> None:
    assert list(by_id(b"".join(ENCODED))) == [
        (UUID(int=1).bytes, {"name": "Thandi", "device": {"_id": UUID(int=9)}}),
        (UUID(int=2).bytes, {}),
        (UUID(int=3).bytes, {"tags": ["a", "b"]}),
    ]
    assert list(by_id(b"")) == []
