from __future__ import annotations

from collections import Counter
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.slots import SLOTS, slot_of, slots_for

USERS = 100_000


@given(user_id=st.uuids())
def test_a_user_is_always_in_the_same_slot(user_id: UUID) -> None:
    assert slot_of(user_id) == slot_of(UUID(str(user_id)))
    assert 0 <= slot_of(user_id) < SLOTS


def test_slots_never_change_between_releases() -> None:
    """Stored follows carry their slot."""
    assert [slot_of(UUID(int=n)) for n in (0, 1, 2)] == [1156, 3042, 3812]


def test_users_spread_evenly_over_all_slots() -> None:
    held = Counter(slot_of(UUID(int=n)) for n in range(USERS))
    mean = USERS / SLOTS
    assert len(held) == SLOTS
    # The deviation of a count is 4.9 about a mean of 24.4; five of them is one slot in millions.
    assert max(held.values()) < mean + 6 * mean**0.5
    chi_squared = sum((held[slot] - mean) ** 2 / mean for slot in range(SLOTS))
    assert chi_squared < SLOTS + 5 * (2 * SLOTS) ** 0.5


@pytest.mark.parametrize(
    ("batch_rows", "followers", "slots"),
    [
        (100, 0, SLOTS),
        (100, 99, SLOTS),
        (100, 100, SLOTS),
        (100, 101, 4055),
        (100, 200, SLOTS // 2),
        (100, 409_600, 1),
        (100, 1_000_000, 1),
        (1_000, 1_000_000, 4),
        (25, 2**40, 1),
    ],
)
def test_a_range_holds_about_a_batch(batch_rows: int, followers: int, slots: int) -> None:
    assert slots_for(batch_rows, followers) == slots


@given(batch_rows=st.integers(1, 1_000), followers=st.integers(0, 10**8))
def test_a_range_is_never_empty_nor_more_than_there_is(batch_rows: int, followers: int) -> None:
    slots = slots_for(batch_rows, followers)
    assert 1 <= slots <= SLOTS
    assert slots == 1 or slots * followers <= SLOTS * max(batch_rows, followers)


@given(batch_rows=st.integers(1, 1_000), followers=st.integers(1, 10**8))
def test_a_range_of_more_than_one_slot_expects_no_more_than_the_batch(
    batch_rows: int, followers: int
) -> None:
    slots = slots_for(batch_rows, followers)
    assert slots == 1 or slots * followers / SLOTS <= batch_rows
