"""What is told of an inbox is possible, whatever came between the recounts."""

from __future__ import annotations

import inspect
from datetime import datetime
from typing import Any

import pytest

from actors.inbox_counts import inbox_counts
from actors.messages import InboxCounts
from actors.told import Told
from storage.positions import EPOCH


class Recounted:
    """A count, and what it comes to the next time that it is read anew."""

    recent_since = EPOCH

    def __init__(self, count: int, then: int, *, is_old: bool) -> None:
        self.count = count
        self.is_old = is_old
        self._then = then

    def lacks(self, _id_bytes: bytes, _created_at: datetime) -> bool:
        return False

    async def recount(self) -> None:
        self.count = self._then


@pytest.mark.parametrize(
    ("unread", "shown", "said"),
    [
        ((3, 0, False), (5, 0, False), (3, 5)),
        ((6, 4, False), (5, 9, False), (4, 9)),
        ((6, 4, True), (3, 9, False), (4, 9)),
        ((6, 4, False), (3, 5, True), (4, 5)),
        ((6, 4, True), (3, 2, True), (2, 2)),
    ],
    ids=["possible", "both", "unread first", "shown first", "a deletion between the two"],
)
async def test_no_more_is_unread_than_is_shown(
    unread: tuple[int, int, bool], shown: tuple[int, int, bool], said: tuple[int, int]
) -> None:
    first: Any = Recounted(unread[0], unread[1], is_old=unread[2])
    second: Any = Recounted(shown[0], shown[1], is_old=shown[2])
    counts = inbox_counts(first, second, (), Told())
    assert (await counts if inspect.isawaitable(counts) else counts) == InboxCounts(*said)
