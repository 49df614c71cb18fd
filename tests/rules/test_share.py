from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rules.share import WHOLE, share_of
from rules.slots import SLOTS

NAMES = st.sets(st.text(max_size=8), min_size=1, max_size=12)


@given(names=NAMES)
def test_processes_that_see_the_same_have_each_slot_once_and_about_as_many(names: set[str]) -> None:
    shares = [share_of(name, names - {name}) for name in names]
    held = [sum(share.has(slot) for slot in range(SLOTS)) for share in shares]
    assert sum(held) == SLOTS
    assert max(held) - min(held) <= 1
    assert all(sum(share.has(slot) for share in shares) == 1 for slot in range(0, SLOTS, 97))


def test_who_is_alone_has_all() -> None:
    assert share_of("left", []) == WHOLE
    assert share_of("left", ["left"]) == WHOLE
    assert all(WHOLE.has(slot) for slot in range(SLOTS))
