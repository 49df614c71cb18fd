"""Read follows as a fan-out does, who asks little of each and reads thousands."""

from __future__ import annotations

from datetime import timedelta
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from bson import decode

from rules.audience import Gap
from storage.positions import EPOCH
from storage.raw_batches import documents_of
from storage.row_encoding import STANDARD, UUID_VALUE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from storage.client import Document

OF_FOLLOWER = {"_id": 0, "user_id": 1, "first_followed_at": 1, "gaps": 1}

_USER_ID = b"\x05user_id\x00" + UUID_VALUE
_FIRST_FOLLOWED_AT = b"\x09first_followed_at\x00"
_NO_GAPS = b"\x04gaps\x00\x05\x00\x00\x00\x00\x00"
# Milliseconds since the epoch, in eight bytes (https://bsonspec.org/spec.html).
_UNBROKEN = Struct(f"<i{len(_USER_ID)}s16s{len(_FIRST_FOLLOWED_AT)}sq{len(_NO_GAPS)}s")
_MARKS = _UNBROKEN.size, _USER_ID, _FIRST_FOLLOWED_AT, _NO_GAPS


class Follower(NamedTuple):
    """What a fan-out asks of a follow that is active now."""

    user_id: UUID
    first_followed_at: datetime
    gaps: Sequence[Gap]


def followers_of(batch: bytes) -> list[Follower]:
    """Return the follows in `batch`, which were found by the projection `OF_FOLLOWER`."""
    return [_follower(document) for document in documents_of(batch)]


def gaps_of(stored: Sequence[Document]) -> tuple[Gap, ...]:
    """Return the times of not following as they are stored."""
    return tuple([Gap(gap["from"], gap["to"]) for gap in stored]) if stored else ()


def _follower(document: bytes) -> Follower:
    if len(document) == _UNBROKEN.size:
        length, user_id, id_bytes, first, first_ms, gaps = _UNBROKEN.unpack(document)
        if (length, user_id, first, gaps) == _MARKS:
            return Follower(UUID(bytes=id_bytes), EPOCH + timedelta(milliseconds=first_ms), ())
    # Followed again, or of fields in another order.
    row = decode(document, codec_options=STANDARD)
    return Follower(row["user_id"], row["first_followed_at"], gaps_of(row["gaps"]))
