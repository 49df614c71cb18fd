from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.auth import InvalidToken, UserType
from server.claims import NOT_BEFORE_TOLERANCE_S, ClaimRules

NOW_S = 1_800_000_000.0
SOMEBODY = "11111111-1111-4111-8111-11111111111a"
GOOD = {"sub": SOMEBODY, "user_type": "provider", "exp": NOW_S + 60}
OPEN = ClaimRules()
ISSUED = ClaimRules(issuer="https://issuer.example", audience="notifications")


def test_the_optional_claims_are_carried() -> None:
    business = "22222222-2222-4222-8222-222222222222"
    principal = OPEN.principal(
        {**GOOD, "name": "Nomsa", "email": "n@x.example", "business_id": business}, now_s=NOW_S
    )
    assert (principal.user_id, principal.user_type) == (UUID(SOMEBODY), UserType.PROVIDER)
    assert (principal.name, principal.email) == ("Nomsa", "n@x.example")
    assert principal.business_id == UUID(business)
    assert principal.expires_at_s == NOW_S + 60


@pytest.mark.parametrize("absent", [{}, {"name": None, "email": None, "business_id": None}])
def test_an_optional_claim_may_be_missing_or_null(absent: dict[str, None]) -> None:
    principal = OPEN.principal({**GOOD, **absent}, now_s=NOW_S)
    assert (principal.name, principal.email, principal.business_id) == (None, None, None)


def test_what_a_principal_shows_of_itself_has_no_personal_data() -> None:
    shown = repr(OPEN.principal({**GOOD, "name": "Nomsa", "email": "n@x.example"}, now_s=NOW_S))
    assert "Nomsa" not in shown
    assert "example" not in shown


BAD = {
    "no expiry": ({"exp": None}, "the claim exp is missing"),
    "an expiry this moment": ({"exp": NOW_S}, "the token has expired"),
    "an expiry that has passed": ({"exp": -1}, "the token has expired"),
    "an expiry as text": ({"exp": str(int(NOW_S) + 60)}, "the claim exp is not a number"),
    "true for an expiry": ({"exp": True}, "the claim exp is not a number"),
    "an expiry that never comes": ({"exp": float("inf")}, "the claim exp is out of range"),
    "an expiry beyond all numbers": ({"exp": 10**400}, "the claim exp is out of range"),
    "an expiry that is no number": ({"exp": float("nan")}, "the claim exp is out of range"),
    "not valid yet": (
        {"nbf": NOW_S + NOT_BEFORE_TOLERANCE_S + 1},
        "the token is not valid yet",
    ),
    "a beginning as text": ({"nbf": "now"}, "the claim nbf is not a number"),
    "no subject": ({"sub": None}, "the claim sub is missing"),
    "a number for a subject": ({"sub": 7}, "the claim sub is not text"),
    "a subject that is no UUID": ({"sub": "thandi"}, "the claim sub is not a UUID"),
    "a subject in braces": ({"sub": f"{{{SOMEBODY}}}"}, "the claim sub is not a UUID"),
    "a subject as a URN": ({"sub": f"urn:uuid:{SOMEBODY}"}, "the claim sub is not a UUID"),
    "a subject without hyphens": (
        {"sub": SOMEBODY.replace("-", "")},
        "the claim sub is not a UUID",
    ),
    "no user type": ({"user_type": None}, "the claim user_type is missing or unknown"),
    "an unknown user type": ({"user_type": "root"}, "the claim user_type is missing or unknown"),
    "a list for a user type": (
        {"user_type": ["admin"]},
        "the claim user_type is missing or unknown",
    ),
    "a number for a name": ({"name": 1}, "the claim name is not text"),
    "a list for an email": ({"email": []}, "the claim email is not text"),
    "a business that is no UUID": (
        {"business_id": "bakery"},
        "the claim business_id is not a UUID",
    ),
    "an empty business": ({"business_id": ""}, "the claim business_id is not a UUID"),
    "a number for a business": ({"business_id": 1}, "the claim business_id is not text"),
}


@pytest.mark.parametrize(("changes", "reason"), BAD.values(), ids=BAD.keys())
def test_bad_claims_are_refused_with_the_reason(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidToken) as refused:
        OPEN.principal({**GOOD, **changes}, now_s=NOW_S)
    assert refused.value.reason == reason


def test_an_issuer_whose_clock_is_a_little_ahead_is_believed() -> None:
    claims = {**GOOD, "nbf": NOW_S + NOT_BEFORE_TOLERANCE_S, "iat": NOW_S + 10}
    assert OPEN.principal(claims, now_s=NOW_S).user_id == UUID(SOMEBODY)


@pytest.mark.parametrize("audience", ["notifications", ["orders", "notifications"]])
def test_who_is_named_in_the_audience_is_meant(audience: object) -> None:
    claims = {**GOOD, "iss": "https://issuer.example", "aud": audience}
    assert ISSUED.principal(claims, now_s=NOW_S).user_id == UUID(SOMEBODY)


@pytest.mark.parametrize(
    "issuer", [None, "", "https://issuer.example/", ["https://issuer.example"]]
)
def test_another_issuer_is_refused(issuer: object) -> None:
    claims = {**GOOD, "iss": issuer, "aud": "notifications"}
    with pytest.raises(InvalidToken, match="iss"):
        ISSUED.principal(claims, now_s=NOW_S)


@pytest.mark.parametrize(
    "audience", [None, "", "orders", [], ["orders"], [["notifications"]], {"notifications": 1}]
)
def test_another_audience_is_refused(audience: object) -> None:
    claims = {**GOOD, "iss": "https://issuer.example", "aud": audience}
    with pytest.raises(InvalidToken, match="aud"):
        ISSUED.principal(claims, now_s=NOW_S)


def test_what_is_not_configured_is_not_asked_for() -> None:
    claims = {**GOOD, "iss": ["anybody"], "aud": {"any": "thing"}}
    assert OPEN.principal(claims, now_s=NOW_S).user_id == UUID(SOMEBODY)


TEXTS = st.sampled_from(["", "a", SOMEBODY, "{" + "0" * 34 + "}", "-" * 36, "\u0661" * 32])
SINGLE = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
JSON_VALUES = SINGLE | st.lists(SINGLE, max_size=2) | st.dictionaries(TEXTS, SINGLE, max_size=2)


@given(
    changes=st.dictionaries(
        st.sampled_from(["sub", "user_type", "exp", "nbf", "iss", "aud", "name", "business_id"]),
        JSON_VALUES,
    )
)
def test_no_claims_whatever_are_a_fault_of_ours(changes: dict[str, Any]) -> None:
    for rules in (OPEN, ISSUED):
        try:
            principal = rules.principal({**GOOD, **changes}, now_s=NOW_S)
        except InvalidToken:
            continue
        assert principal.expires_at_s > NOW_S
