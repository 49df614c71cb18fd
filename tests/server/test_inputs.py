"""Input loaded in one pass: the same as marshmallow loads, and the same found wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from server.schemas.event_data import DATA
from server.schemas.inputs import Input
from tests.server.posting import data_of


class Shelf(Input):
    """Fields of each sort."""

    name = fields.String(required=True)
    height = fields.Integer(load_default=1, validate=validate.Range(1, 9))
    books = fields.List(fields.String(), load_default=list)
    owner = fields.String(allow_none=True)
    room = fields.String(data_key="at")

    def made(self, loaded: dict[str, Any]) -> dict[str, Any]:
        if len(loaded["books"]) > loaded["height"]:
            raise ValidationError({"books": ["Too many."]})
        return {**loaded, "is_full": len(loaded["books"]) == loaded["height"]}


SHELF = Shelf()


def outcome(load: Any, *args: Any, **options: Any) -> Any:
    try:
        return load(*args, **options)
    except ValidationError as error:
        return error.messages


VALUES = st.one_of(
    st.none(), st.integers(-1, 12), st.text(max_size=3), st.lists(st.text(max_size=2), max_size=12)
)
NAMES = st.sampled_from(["name", "height", "books", "owner", "at", "room", "colour"])


@given(st.one_of(st.dictionaries(NAMES, VALUES), VALUES))
def test_one_pass_says_of_anything_what_marshmallow_says(given_: Any) -> None:
    assert outcome(SHELF.load, given_) == outcome(Schema.load, SHELF, given_)


@given(st.dictionaries(NAMES, VALUES), st.sampled_from([True, ("name", "books"), ("height",)]))
def test_so_it_does_where_fields_may_be_left_out(given_: dict[str, Any], partial: Any) -> None:
    shelf = Shelf(partial=partial)

    def made(loaded: dict[str, Any]) -> dict[str, Any]:
        return loaded

    shelf.made = made  # type: ignore[method-assign]
    assert outcome(shelf.load, given_) == outcome(Schema.load, shelf, given_)


class Search(Input):
    """A query string, which may carry what is none of its business."""

    class Meta:
        unknown = EXCLUDE

    height = fields.Integer(load_default=1, validate=validate.Range(1, 9))
    owner = fields.String()


@given(st.one_of(st.dictionaries(NAMES, VALUES), VALUES))
def test_so_it_does_where_what_is_unknown_is_passed_over(given_: Any) -> None:
    search = Search()
    assert outcome(search.load, given_) == outcome(Schema.load, search, given_)


@pytest.mark.parametrize("type_", DATA)
def test_the_data_of_an_event_is_loaded_alike(type_: str) -> None:
    data = data_of(type_)
    assert DATA[type_].load(data) == Schema.load(DATA[type_], data)


def test_what_is_made_of_it_is_made_once() -> None:
    full = SHELF.load({"name": "a", "books": ["b"], "at": "hall"})
    assert full == {"name": "a", "height": 1, "books": ["b"], "room": "hall", "is_full": True}


def test_a_default_is_nobody_elses() -> None:
    SHELF.load({"name": "a"})["books"].append("b")
    assert SHELF.load({"name": "a"})["books"] == []


def test_all_that_is_wrong_is_named() -> None:
    wrong = outcome(SHELF.load, {"height": 12, "colour": "red"})
    assert wrong.keys() == {"name", "height", "colour"}
    assert outcome(SHELF.load, {"name": "a", "books": ["b", "c"]}) == {"books": ["Too many."]}


def test_how_it_is_loaded_may_still_be_said() -> None:
    assert SHELF.load({"name": "a", "colour": "red"}, unknown=EXCLUDE)["name"] == "a"
    assert SHELF.load([{"name": "a"}], many=True)[0]["name"] == "a"
