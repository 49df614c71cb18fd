from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from bson import encode

from rules.audience import Gap
from storage.follower_rows import Follower, followers_of
from storage.row_encoding import STANDARD

THEN = datetime(2026, 11, 27, 8, 0, 0, 123_000, tzinfo=UTC)
LATER = THEN + timedelta(hours=1)
GAP = {"from": THEN, "to": LATER}


def _row(number: int, **fields: Any) -> dict[str, Any]:
    return {"user_id": UUID(int=number), "first_followed_at": THEN, "gaps": [], **fields}


@pytest.mark.parametrize(
    ("row", "first_followed_at", "gaps"),
    [
        (_row(1), THEN, ()),
        (_row(1, first_followed_at=datetime(1969, 7, 20, tzinfo=UTC)), None, ()),
        (_row(1, gaps=[GAP]), THEN, (Gap(THEN, LATER),)),
        (dict(reversed(_row(1).items())), THEN, ()),
    ],
    ids=["unbroken", "before the epoch", "followed again", "in another order"],
)
def test_a_follow_is_read_as_it_was_written(
    row: dict[str, Any], first_followed_at: datetime | None, gaps: tuple[Gap, ...]
) -> None:
    (read,) = followers_of(encode(row, codec_options=STANDARD))
    assert read == Follower(UUID(int=1), first_followed_at or row["first_followed_at"], gaps)


def test_follows_of_different_lengths_are_told_apart() -> None:
    rows = [_row(1, gaps=[GAP]), _row(2), _row(3, gaps=[GAP, GAP]), _row(4)]
    batch = b"".join(encode(row, codec_options=STANDARD) for row in rows)
    assert [each.user_id.int for each in followers_of(batch)] == [1, 2, 3, 4]
    assert [len(each.gaps) for each in followers_of(batch)] == [1, 0, 2, 0]
    assert followers_of(b"") == []
