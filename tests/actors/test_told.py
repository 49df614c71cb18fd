from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from actors.frames import Announcement
from actors.inbox_change import OneDeleted, OneRead, SeveralRead
from actors.messages import Deliver
from actors.told import REMEMBERED, Told
from storage.names import Names
from tests.storage.samples import NOON, SECOND, a_row


def found(
    notification_id: UUID, *, seconds_after: int = 0, read_seconds_after: int | None = None
) -> Deliver:
    row = a_row(uuid4(), id=notification_id)
    return Deliver(
        row.id,
        NOON + seconds_after * SECOND,
        read_seconds_after is None,
        Announcement(row, NAMES),
        read_at=None if read_seconds_after is None else NOON + read_seconds_after * SECOND,
    )


NAMES = Names({}, {})


def test_news_is_what_was_neither_announced_nor_there_from_the_first() -> None:
    told = Told()
    there, announced, new = uuid4(), uuid4(), uuid4()
    begun = [told.has_begun]
    assert not told.is_news(found(new))
    told.begin(frozenset({there.bytes}), NOON, NOON + SECOND)
    assert [*begun, told.has_begun] == [False, True]
    told.announce(announced.bytes)
    assert told.has(announced.bytes)
    assert [told.is_news(found(each)) for each in (there, announced, new)] == [False, False, True]
    assert not told.is_news(found(new, seconds_after=-1))


@pytest.mark.parametrize(("read_seconds_after", "is_news"), [(0, False), (1, False), (2, True)])
def test_what_was_read_before_it_was_told_is_news_only_if_it_was_read_later(
    read_seconds_after: int, *, is_news: bool
) -> None:
    told = Told()
    told.begin(frozenset(), NOON, NOON + SECOND)
    row = found(uuid4(), read_seconds_after=read_seconds_after)
    assert told.is_news(row) is is_news


def test_only_the_last_changes_are_remembered_and_bulk_reads_not_at_all() -> None:
    told = Told()
    several, first = SeveralRead(2), OneRead(uuid4())
    told.change(several)
    assert not told.has_change(several)
    told.change(first)
    assert told.has_change(first)
    assert not told.has_change(OneDeleted(first.notification_id))
    for _ in range(REMEMBERED):
        told.change(OneRead(uuid4()))
    assert not told.has_change(first)
