from __future__ import annotations

import base64
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.unsubscribing import Scope
from storage.unsubscribe_links import UnknownUnsubscribeLink, UnsubscribeLinks, Unsubscription

OLD, NEW, FOREIGN = (bytes([n]) * 32 for n in (1, 2, 3))
BASE = "https://notify.example.org"
LINKS = UnsubscribeLinks([OLD], BASE)
ANNA = UUID(int=1)


def read(token: str, *keys: bytes) -> Unsubscription:
    return UnsubscribeLinks(keys or [OLD], BASE).read(token)


@given(st.uuids(), st.sampled_from(Scope))
def test_a_token_says_who_and_what(user_id: UUID, scope: Scope) -> None:
    assert LINKS.read(LINKS.token(user_id, scope)) == Unsubscription(user_id, scope)


@pytest.mark.parametrize(
    ("kind", "scope"),
    [
        ("welcome", Scope.ALL),
        ("weekly_digest", Scope.WEEKLY_DIGEST),
        ("promotional", Scope.PROMOTIONAL),
    ],
)
def test_a_link_is_an_address_of_this_service_for_the_kind_of_mail(kind: str, scope: Scope) -> None:
    link = LINKS.link(ANNA, kind)
    token = link.removeprefix(f"{BASE}/unsubscribe/").removesuffix("/")
    assert link == f"{BASE}/unsubscribe/{token}/"
    assert read(token) == Unsubscription(ANNA, scope)


@given(st.uuids())
def test_a_link_needs_no_quoting_and_no_second_line(user_id: UUID) -> None:
    token = LINKS.token(user_id, Scope.ALL)
    assert token.isascii()
    assert token.replace("-", "").replace("_", "").isalnum()
    assert len(token) == 44


def test_a_token_is_read_under_any_key_and_signed_with_the_newest() -> None:
    before = UnsubscribeLinks([OLD], BASE).token(ANNA, Scope.ALL)
    after = UnsubscribeLinks([NEW, OLD], BASE).token(ANNA, Scope.ALL)
    assert before != after
    assert read(before, NEW, OLD) == read(after, NEW, OLD) == read(after, NEW)
    with pytest.raises(UnknownUnsubscribeLink):
        read(after, OLD)


def test_a_token_of_another_service_is_none_of_ours() -> None:
    with pytest.raises(UnknownUnsubscribeLink):
        read(UnsubscribeLinks([FOREIGN], BASE).token(ANNA, Scope.ALL))


@given(st.integers(0, 33 * 8 - 1))
def test_not_one_bit_of_a_token_can_be_changed(bit: int) -> None:
    signed = bytearray(base64.urlsafe_b64decode(LINKS.token(ANNA, Scope.WEEKLY_DIGEST)))
    signed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(UnknownUnsubscribeLink):
        read(base64.urlsafe_b64encode(signed).decode())


@pytest.mark.parametrize(
    "token",
    ["", "a", "é", "=", "....", "a" * 43, "a" * 44, "a" * 45, "a" * 10_000, str(UUID(int=1))],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(UnknownUnsubscribeLink):
        read(token)


def test_a_token_cut_short_or_with_more_behind_it_is_refused() -> None:
    token = LINKS.token(ANNA, Scope.ALL)
    for damaged in (token[:-4], token + "AAAA", token[4:]):
        with pytest.raises(UnknownUnsubscribeLink):
            read(damaged)
