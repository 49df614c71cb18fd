from __future__ import annotations

from typing import Any

import pytest

from storage.click_links import ClickLink, ClickLinks
from tasks.emails.counting import CountedButtons
from tests.tasks.letters import letter as a_letter

PUBLIC_URL = "https://savenbite.example"
CLICKS = ClickLinks([b"k" * 32], PUBLIC_URL)
COUNTED = CountedButtons(CLICKS, PUBLIC_URL)


def counted(button: dict[str, Any]) -> dict[str, Any]:
    letter = COUNTED.counted(a_letter(action_buttons=[button]))
    (shown,) = letter.action_buttons
    return shown


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://shop.example/a?b=c#d", "https://shop.example/a?b=c#d"),
        ("HTTP://shop.example/", "HTTP://shop.example/"),
        ("/listings/770g", f"{PUBLIC_URL}/listings/770g"),
    ],
)
def test_a_button_leads_to_the_web_by_way_of_us(url: str, target: str) -> None:
    shown = counted({"text": "View", "url": url, "action": "view"})
    token = shown["url"].removeprefix(f"{PUBLIC_URL}/c/").removesuffix("/")
    letter = a_letter()
    assert CLICKS.read(token) == ClickLink(letter.recipient_id, letter.notification_id, target)
    assert (shown["text"], shown["action"]) == ("View", "view")


@pytest.mark.parametrize(
    "button",
    [
        {"text": "Open", "url": "savenbiteguild://listing/770g"},
        {"text": "Open", "action": "view_listing"},
        {"text": "Open", "url": "javascript:alert(1)"},
        {"text": "Open", "url": "//evil.example"},
        {"text": "Open", "url": "https://shop.example/" + 1_600 * "a"},
    ],
)
def test_other_buttons_stay_as_they_are(button: dict[str, Any]) -> None:
    assert counted(button) == button


def test_nothing_else_of_a_letter_changes() -> None:
    letter = a_letter(action_buttons=[])
    assert COUNTED.counted(letter) == letter
