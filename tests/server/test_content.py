"""What people and services may have a notification say (contract section 2.1)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from marshmallow import Schema, ValidationError

from server.schemas.content import ContentSchema, action_buttons
from server.schemas.messages import flattened


class WithButtons(ContentSchema):
    action_buttons = action_buttons()


SCHEMA = WithButtons()
GOOD = {"title": "t", "message": "m"}
VIEW = {"text": "View", "action": "view_listing"}


def loaded(schema: Schema = SCHEMA, **changes: Any) -> dict[str, Any]:
    content: dict[str, Any] = schema.load(GOOD | changes)
    return content


def refused(**changes: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as raised:
        SCHEMA.load({k: v for k, v in (GOOD | changes).items() if v is not ...})
    return flattened(raised.value.messages)


def test_what_is_left_out_is_empty() -> None:
    assert loaded() == GOOD | {"data": {}, "image_url": None, "action_buttons": []}


def test_texts_may_be_as_long_as_the_contract_says() -> None:
    content = loaded(title="é" * 120, message="ü" * 1_000)
    assert (len(content["title"]), len(content["message"])) == (120, 1_000)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ...),
        ("title", ""),
        ("title", "\x00\x07 "),
        ("title", "x" * 121),
        ("title", 7),
        ("title", None),
        ("message", ...),
        ("message", " "),
        ("message", "x" * 1_001),
        ("message", ["m"]),
        ("image_url", "javascript:alert(1)"),
        ("image_url", "/pizza.jpg"),
        ("data", []),
        ("data", "{}"),
        ("data", 7),
        ("action_buttons", VIEW),
        ("action_buttons", [VIEW] * 4),
        ("subject", "s"),
    ],
)
def test_what_is_no_content_is_named(field: str, value: Any) -> None:
    assert list(refused(**{field: value})) == [field]


def test_control_characters_are_stripped_and_html_stays_as_it_is() -> None:
    html = "<script>alert('1')</script> &amp; <b>"
    content = loaded(
        title=f"a\x00{html}\x1b\x7f\x9f",
        message=f"\x08{html}\n\tb",
        data={"k\x00ey": [f"\x07{html}", {"n": "\x1b"}]},
        action_buttons=[VIEW | {"text": "\x00Go"}],
    )
    assert content["title"] == f"a{html}"
    assert content["message"] == f"{html}\n\tb"
    assert content["data"] == {"key": [html, {"n": ""}]}
    assert content["action_buttons"][0]["text"] == "Go"


def test_a_text_is_measured_without_what_is_stripped() -> None:
    assert loaded(title="\x00" * 50 + "x" * 120)["title"] == "x" * 120


def data_of(size_bytes: int) -> dict[str, str]:
    """Return data of so many bytes as JSON, most of them in characters of two."""
    frame = len(orjson.dumps({"k": ""}))
    twos, ones = divmod(size_bytes - frame, 2)
    return {"k": "é" * twos + "x" * ones}


def test_data_may_have_4096_bytes_as_json_and_no_more() -> None:
    assert loaded(data=data_of(4_096))["data"] == data_of(4_096)
    assert list(refused(data=data_of(4_097))) == ["data"]


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return {"k": value}


def test_data_is_nested_at_most_16_deep() -> None:
    assert loaded(data=nested(15))["data"] == nested(15)
    assert list(refused(data=nested(16))) == ["data"]
    assert list(refused(data=nested(2_000))) == ["data"]


DATA = [
    {},
    {"": None, "a.b": True, "n": [0, -1.5, 2**63 - 1, -(2**63)]},
    {"html": "<b>"},
]


@pytest.mark.parametrize("data", DATA)
def test_data_is_kept_as_it_is(data: dict[str, Any]) -> None:
    assert loaded(data=data)["data"] == data


@pytest.mark.parametrize(
    "data",
    [{"$ref": "x", "$id": 1}, {"a": [{"$date": 1}]}, {"\x00$set": 1}, {"n": 2**63}],
    ids=repr,
)
def test_data_that_the_store_would_give_back_otherwise_is_refused(data: dict[str, Any]) -> None:
    assert list(refused(data=data)) == ["data"]


@pytest.mark.parametrize(
    "button",
    [
        VIEW,
        {"text": "x" * 24, "url": "/listings/7"},
        {"text": "Go", "url": "https://example.org/a?b=c"},
        {"text": "Go", "url": "savenbiteguild://listing/7"},
        {"text": "Add", "action": "add_to_cart", "listing_id": "770g"},
        {"text": "Get Directions", "action": "open_maps", "coordinates": "-25.7479,28.2293"},
        {"text": "Call", "action": "call_phone", "phone": "+27123456789"},
    ],
    ids=repr,
)
def test_buttons_are_those_of_the_platform(button: dict[str, str]) -> None:
    assert loaded(action_buttons=[button] * 3)["action_buttons"] == [button] * 3


@pytest.mark.parametrize(
    ("button", "field"),
    [
        ({"text": "Go"}, "action"),
        ({"action": "go"}, "text"),
        ({"text": "", "action": "go"}, "text"),
        ({"text": "x" * 25, "action": "go"}, "text"),
        ({"text": "Go", "action": "x" * 65}, "action"),
        ({"text": "Go", "url": "javascript:alert(1)"}, "url"),
        ({"text": "Go", "url": " \x00javascript:alert(1)"}, "url"),
        ({"text": "Go", "url": "data:text/html,x"}, "url"),
        ({"text": "Go", "url": "//evil.example"}, "url"),
        ({"text": "Go", "url": "/\\evil.example"}, "url"),
        ({"text": "Go", "url": "https:evil"}, "url"),
        ({"text": "Go", "url": "http://[evil"}, "url"),
        ({"text": "Go", "url": "/a b"}, "url"),
        ({"text": "Go", "url": "/" + "x" * 2_048}, "url"),
        ({"text": "Go", "action": "go", "onclick": "alert(1)"}, "onclick"),
    ],
    ids=repr,
)
def test_a_bad_button_is_named_by_its_place(button: dict[str, str], field: str) -> None:
    assert list(refused(action_buttons=[VIEW, button])) == [f"action_buttons.1.{field}"]
