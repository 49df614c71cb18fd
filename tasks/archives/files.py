"""The files of an archive: rows as lines of JSON, gzipped."""

from __future__ import annotations

import base64
import gzip
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.client import Document


def packed(rows: Sequence[Document]) -> bytes:
    """Return `rows` as a file: the same rows make the same bytes."""
    lines = (
        orjson.dumps(row, _plain, orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z) for row in rows
    )
    return gzip.compress(b"".join(lines), mtime=0)


def file_name(rows: Sequence[Document]) -> str:
    """Return the name for a file of `rows`, oldest first: by the times of the first and the last.

    Files of later rows sort after it.
    """
    first, last = rows[0]["created_at"], rows[-1]["created_at"]
    return f"notifications/{first:%Y/%m/%d}/{_stamp(first)}--{_stamp(last)}.ndjson.gz"


def _stamp(at: datetime) -> str:
    at = at.astimezone(UTC)
    return f"{at:%Y%m%dT%H%M%S}.{at.microsecond // 1_000:03}Z"


def _plain(value: Any) -> str:
    """Return what JSON has no word for: bytes, in base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError
