from __future__ import annotations

import base64
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.click_links import ClickLink, ClickLinks, UnknownClickLink

OLD, NEW, FOREIGN = (bytes([n]) * 32 for n in (1, 2, 3))
BASE = "https://notify.example.org"
LINKS = ClickLinks([OLD], BASE)
LINK = ClickLink(UUID(int=1), UUID(int=2), "https://savenbite.example/listings/770g?a=1#b")


@given(st.builds(ClickLink, st.uuids(), st.uuids(), st.text(min_size=1, max_size=200)))
def test_a_token_says_whose_what_and_where(link: ClickLink) -> None:
    assert LINKS.read(LINKS.token(link)) == link


def test_an_address_is_one_of_this_service_and_needs_no_quoting() -> None:
    address = LINKS.address(LINK)
    token = address.removeprefix(f"{BASE}/c/").removesuffix("/")
    assert address == f"{BASE}/c/{token}/"
    assert token.replace("-", "").replace("_", "").isalnum()
    assert LINKS.read(token) == LINK


def test_a_mail_that_is_made_again_has_the_same_link() -> None:
    assert LINKS.token(LINK) == ClickLinks([OLD], BASE).token(LINK)
    assert LINKS.token(LINK) != LINKS.token(ClickLink(uuid4(), LINK.notification_id, LINK.target))


def test_a_token_says_nothing_to_who_sees_it() -> None:
    sealed = base64.urlsafe_b64decode(LINKS.token(LINK) + "==")
    for part in (LINK.recipient_id.bytes, LINK.notification_id.bytes, b"savenbite", b"770g"):
        assert part not in sealed


def test_a_token_is_read_under_any_key_and_sealed_with_the_newest() -> None:
    before, after = LINKS.token(LINK), ClickLinks([NEW, OLD], BASE).token(LINK)
    assert before != after
    assert ClickLinks([NEW, OLD], BASE).read(before) == LINK
    assert ClickLinks([NEW], BASE).read(after) == LINK
    with pytest.raises(UnknownClickLink):
        LINKS.read(after)


def test_a_token_of_another_service_is_none_of_ours() -> None:
    with pytest.raises(UnknownClickLink):
        LINKS.read(ClickLinks([FOREIGN], BASE).token(LINK))


@given(st.integers(0), st.integers(1, 255))
def test_a_token_that_was_changed_anywhere_is_none_of_ours(place: int, change: int) -> None:
    sealed = bytearray(base64.urlsafe_b64decode(LINKS.token(LINK) + "=="))
    sealed[place % len(sealed)] ^= change
    with pytest.raises(UnknownClickLink):
        LINKS.read(base64.urlsafe_b64encode(bytes(sealed)).decode().rstrip("="))


@given(st.text(max_size=80))
def test_whatever_else_is_given_is_no_token(token: str) -> None:
    with pytest.raises(UnknownClickLink):
        LINKS.read(token)
