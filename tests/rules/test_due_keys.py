from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.due_keys import WIDEST, RangeSizer, due_key, key_from
from rules.slots import SLOTS

MOST = 80

moments = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 (hypothesis adds the zone)
    max_value=datetime(9999, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(id_=st.uuids(), one=moments, other=moments, is_urgent=st.booleans())
def test_keys_go_up_by_the_second(
    id_: UUID, one: datetime, other: datetime, is_urgent: bool
) -> None:
    first, second = sorted((one.replace(microsecond=0), other.replace(microsecond=0)))
    key = due_key(id_, first, is_urgent=is_urgent)
    assert key_from(first, is_urgent=is_urgent) <= key
    assert key < key_from(first, is_urgent=is_urgent) + SLOTS
    assert (key < key_from(second, is_urgent=is_urgent)) == (first < second)


@given(id_=st.uuids(), one=moments, other=moments)
def test_what_is_urgent_has_keys_of_its_own(id_: UUID, one: datetime, other: datetime) -> None:
    urgent, plain = due_key(id_, one, is_urgent=True), due_key(id_, other, is_urgent=False)
    assert plain < key_from(datetime(1970, 1, 1, tzinfo=UTC), is_urgent=True) <= urgent < 2**63


@given(id_=st.uuids(), at=moments, ms=st.integers(0, 999))
def test_a_second_is_one_range(id_: UUID, at: datetime, ms: int) -> None:
    whole = at.replace(microsecond=0)
    later = whole + timedelta(milliseconds=ms)
    assert due_key(id_, whole, is_urgent=False) == due_key(id_, later, is_urgent=False)


def test_the_slots_of_a_second_are_between_its_keys() -> None:
    at = datetime(2026, 11, 23, 6, tzinfo=UTC)
    second = int(at.timestamp())
    assert key_from(at, is_urgent=False) == second * SLOTS
    assert due_key(UUID(int=0), at, is_urgent=False) // SLOTS == second
    assert due_key(UUID(int=0), at, is_urgent=True) - due_key(
        UUID(int=0), at, is_urgent=False
    ) == key_from(at, is_urgent=True) - key_from(at, is_urgent=False)


def test_a_range_that_holds_too_much_is_cut_until_it_can_be_no_more() -> None:
    sizer = RangeSizer(MOST)
    reads = 0
    while not sizer.fits(MOST):
        reads += 1
    assert sizer.is_narrowest
    assert reads == 4


@pytest.mark.parametrize(("rows", "grows"), [(0, True), (MOST // 8, False), (MOST - 1, False)])
def test_a_range_that_holds_little_is_widened(rows: int, grows: bool) -> None:
    sizer = RangeSizer(MOST)
    before = sizer.width
    assert sizer.fits(rows)
    assert (sizer.width > before) is grows


def test_ranges_are_of_a_day_at_most() -> None:
    sizer = RangeSizer(MOST)
    for _ in range(20):
        sizer.fits(0)
    assert sizer.width == WIDEST
