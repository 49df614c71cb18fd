from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.text import ELLIPSIS, shorten


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("", 5, ""),
        ("bread", 5, "bread"),
        ("bread", 6, "bread"),
        ("breads", 5, "brea…"),
        ("ab cdef", 4, "ab…"),
        ("ab    cdef", 6, "ab…"),
        ("🥖🥖🥖", 2, "🥖…"),
        ("ab", 1, "…"),
    ],
)
def test_a_text_over_the_limit_ends_in_an_ellipsis(text: str, limit: int, shown: str) -> None:
    assert shorten(text, limit) == shown


@given(text=st.text(), limit=st.integers(1, 40))
def test_a_shortened_text_keeps_to_the_limit_and_begins_as_the_text_does(
    text: str, limit: int
) -> None:
    shown = shorten(text, limit)
    if len(text) <= limit:
        assert shown == text
        return
    assert len(shown) <= limit
    assert shown.endswith(ELLIPSIS)
    assert text.startswith(shown.removesuffix(ELLIPSIS))
