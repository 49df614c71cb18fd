from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from tasks.channels.push_message import BODY_CHARACTERS, MOST_BYTES, push_message
from tests.tasks.letters import NOTIFICATION, letter


def test_a_push_carries_what_a_phone_shows_and_the_ids() -> None:
    push = push_message(letter(image_url="https://x.example/loaf.jpg", priority="critical"))
    assert push.title == "Sourdough loaves at Sunrise Bakery"
    assert (push.tag, push.badge, push.is_critical) == (str(NOTIFICATION), 3, True)
    assert push.link == "savenbiteguild://listing/770g"
    assert push.image == "https://x.example/loaf.jpg"
    assert push.data["notification_id"] == str(NOTIFICATION)
    assert push.data["notification_type"] == "new_listing"
    assert push.data["listing_id"] == "770g"


def test_data_is_strings_and_cannot_pass_for_the_ids() -> None:
    data = {"notification_id": "other", "n": 5, "nested": {"a": [1]}, "deep_link": 7}
    push = push_message(letter(data=data))
    assert push.data == {
        "notification_id": str(NOTIFICATION),
        "notification_type": "new_listing",
        "n": "5",
        "nested": '{"a":[1]}',
        "deep_link": "7",
    }
    assert push.link is None


def test_a_long_message_is_cut() -> None:
    assert len(push_message(letter(message="a" * 1_000)).body) == BODY_CHARACTERS


@given(
    data=st.dictionaries(st.text(max_size=50), st.text(max_size=2_000), max_size=10),
    title=st.text(min_size=1, max_size=120),
    message=st.text(min_size=1, max_size=1_000),
)
def test_it_is_never_larger_than_fcm_takes(data: dict[str, str], title: str, message: str) -> None:
    push = push_message(letter(data=data, title=title, message=message))
    assert len(orjson.dumps(push.as_json())) <= MOST_BYTES


def test_of_data_that_is_too_much_the_smallest_stay() -> None:
    push = push_message(letter(data={"small": "x", "large": "y" * 4_000}))
    assert "small" in push.data
    assert "large" not in push.data
