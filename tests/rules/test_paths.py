"""Ids that are no UUIDs stay one segment of a path."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from rules.paths import segment


@pytest.mark.parametrize("identifier", ["770g8400-e29b_41d4.a~1", "SNB-2041"])
def test_an_ordinary_id_stays_as_it_is(identifier: str) -> None:
    assert segment(identifier) == identifier


@pytest.mark.parametrize("identifier", ["a/b", "a?b=c", "a#b", "a b", "ü", "100%", "a&b"])
def test_what_means_something_in_a_path_is_quoted(identifier: str) -> None:
    quoted = segment(identifier)
    assert quoted != identifier
    assert not set(quoted) & set("/?# ")
    assert unquote(quoted) == identifier
