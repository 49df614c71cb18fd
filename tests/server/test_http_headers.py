"""A head read in one pass says what Tornado would have read of it, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tornado.httputil import HTTPHeaders, HTTPInputError

from server.http_headers import LONGEST_NAME, Headers

PLAIN = "Host: tests\r\nACCEPT: a\r\naccept:b \t\r\nX-Empty:\r\nX-Both:\tc d\te\xe9 \r\n\r\n"

heads = st.lists(
    st.text(st.sampled_from("aA-:, \t\r\n\0\x1f\x7f\x80\xe9\u00a0"), max_size=12), max_size=5
).map(lambda lines: "\r\n".join([*lines, "", ""]))


@given(heads)
@example(PLAIN)
def test_what_is_read_at_once_is_what_tornado_reads(head: str) -> None:
    ours = Headers.of_head(head)
    if ours is not None:
        assert list(ours.get_all()) == list(HTTPHeaders.parse(head).get_all())


def test_what_clients_send_is_read_at_once() -> None:
    assert Headers.of_head(PLAIN) == HTTPHeaders.parse(PLAIN)


@pytest.mark.parametrize(
    "line",
    ["no colon", ": of nothing", "two words: x", " folded: x", "a: \0", "a: \x7f", "a: b\nc: d"],
)
def test_what_is_not_plain_is_left_to_tornado(line: str) -> None:
    assert Headers.of_head(f"Host: tests\r\n{line}\r\n\r\n") is None


def test_a_name_that_is_too_long_to_be_remembered_is_left_to_tornado() -> None:
    longest = "a" * LONGEST_NAME
    known = Headers.of_head(f"{longest}: x\r\n\r\n")
    assert known is not None
    assert known[longest] == "x"
    assert Headers.of_head(f"{longest}a: x\r\n\r\n") is None


@pytest.mark.parametrize("name", ["accept", "Accept", "ACCEPT"])
def test_a_field_is_found_however_its_name_is_written(name: str) -> None:
    headers = Headers.of_head(PLAIN)
    assert headers is not None
    assert headers.get(name) == headers[name] == "a,b"
    assert headers.get_list(name) == ["a", "b"]
    assert name in headers


def test_a_field_that_is_not_there_is_the_default() -> None:
    headers = Headers({"Accept": "a"})
    assert headers.get("Origin") is None
    assert headers.get("Origin", "none") == "none"
    with pytest.raises(KeyError):
        headers["Origin"]


def test_what_is_changed_of_another_is_not_changed_of_the_first() -> None:
    first = Headers.begun_with({"Vary": "Origin", "Allow": "GET"})
    other = first.another()
    other.add("Vary", "Accept")
    other["Allow"] = "POST"
    del other["allow"]
    assert dict(first) == {"Vary": "Origin", "Allow": "GET"}
    assert dict(other) == {"Vary": "Origin,Accept"}


def test_fields_are_written_a_line_each() -> None:
    headers = Headers.begun_with({"Allow": "GET"})
    headers.add("Set-Cookie", "a")
    headers.add("Set-Cookie", "b")
    assert headers.lines() == "Allow: GET\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\n", "\r"])
def test_a_field_that_would_be_several_is_not_written(value: str) -> None:
    headers = Headers()
    headers["Allow"] = value
    with pytest.raises(ValueError, match="end of line"):
        headers.lines()


def test_what_is_added_is_looked_at() -> None:
    with pytest.raises(HTTPInputError):
        Headers().add("two words", "x")
