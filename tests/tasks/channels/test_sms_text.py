from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.channels.sms_text import fitted, segments_of, sms_text
from tests.tasks.letters import letter


def test_a_text_says_who_and_what() -> None:
    text = sms_text(letter(title="Collect your order", message="In 1 hour at Sunrise Bakery."))
    assert text == "Save n Bite: Collect your order. In 1 hour at Sunrise Bakery."


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("я" * 70, 1),
        ("я" * 71, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
)
def test_segments_are_counted_as_networks_count_them(text: str, segments: int) -> None:
    assert segments_of(text) == segments


def test_what_merely_looks_typographic_is_written_plainly() -> None:
    text = fitted("Thandi\u2019s \u201cloaf\u201d \u2014 R25\u2026")
    assert text == 'Thandi\'s "loaf" - R25...'


def test_what_is_too_long_is_cut_after_a_word() -> None:
    text = fitted("bread " * 100, segments=1)
    assert text.endswith("bread...")
    assert segments_of(text) == 1


def test_a_word_without_an_end_is_cut_all_the_same() -> None:
    assert fitted("a" * 500, segments=1) == "a" * 157 + "..."


def test_what_ends_with_a_word_keeps_it() -> None:
    assert fitted("a" * 150 + " bcdefg hij", segments=1) == "a" * 150 + " bcdefg..."


@given(st.text(max_size=600))
def test_it_always_fits(text: str) -> None:
    assert segments_of(fitted(text)) <= 2
