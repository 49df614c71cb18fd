"""Twilio's own library says what is right; it is not on a server's path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from server.webhooks.twilio_signature import is_signed, signature

TOKEN = "12345"

URLS = [
    "https://savenbite.example/api/webhooks/twilio/",
    "https://savenbite.example:8443/api/webhooks/twilio/?notification_id=1&recipient_id=2",
    "http://127.0.0.1:8000/api/webhooks/twilio/",
    "https://[::1]/api/webhooks/twilio/",
]


@pytest.mark.parametrize("url", URLS)
@given(form=st.dictionaries(st.text(min_size=1), st.text(), max_size=8))
def test_it_is_what_twilio_computes(url: str, form: dict[str, str]) -> None:
    made = RequestValidator(TOKEN).compute_signature(url, form)
    fields = {name: [value] for name, value in form.items()}
    assert signature(TOKEN, url, fields) == made
    assert is_signed(made, TOKEN, [url], fields)


def test_of_several_values_of_a_field_each_counts_once_in_order() -> None:
    class Several(dict[str, list[str]]):
        """As Django keeps fields."""

        def getlist(self, name: str) -> list[str]:
            return self[name]

    fields = {"MediaUrl": ["b", "a", "b"], "Body": [""]}
    made = RequestValidator(TOKEN).compute_signature(URLS[0], Several(fields))
    assert signature(TOKEN, URLS[0], fields) == made


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ("https://savenbite.example/x", "https://savenbite.example:443/x"),
        ("http://savenbite.example/x", "http://savenbite.example:80/x"),
        ("https://savenbite.example:8443/x", "https://savenbite.example/x"),
    ],
)
def test_the_port_may_be_there_or_not(told: str, known: str) -> None:
    assert is_signed(signature(TOKEN, known, {}), TOKEN, [told], {})
    assert RequestValidator(TOKEN).validate(told, {}, signature(TOKEN, known, {}))


@pytest.mark.parametrize("given_", ["", "nonsense", "é", signature("54321", URLS[0], {})])
def test_what_is_not_signed_is_not(given_: str) -> None:
    assert not is_signed(given_, TOKEN, URLS, {})


def test_a_field_that_was_changed_is_seen() -> None:
    made = signature(TOKEN, URLS[0], {"To": ["+27820000001"]})
    assert not is_signed(made, TOKEN, [URLS[0]], {"To": ["+27820000002"]})
    assert not is_signed(made, TOKEN, [URLS[1]], {"To": ["+27820000001"]})
