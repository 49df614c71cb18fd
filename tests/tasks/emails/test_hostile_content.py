"""What people write, and what rows carry, is shown and never carried out."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.letter import Party
from tests.tasks.emails.rendering import (
    FULL,
    NAMES,
    PUBLIC_URL,
    Page,
    rendered,
)
from tests.tasks.letters import BAKERY, letter

HOSTILE = "<script>alert(1)</script>{{ 7 * 7 }}{% raw %}\"'><img src=x onerror=alert(1)> &amp;"


async def test_what_people_write_is_text_and_never_markup() -> None:
    data = dict.fromkeys(FULL, HOSTILE)
    mail = await rendered(
        title=HOSTILE,
        message=HOSTILE,
        recipient_name=HOSTILE,
        sender_name=HOSTILE,
        business=Party(id=BAKERY.id, name=HOSTILE, logo=None),
        data=data | {"listings": [data]},
        action_buttons=[{"text": HOSTILE[:24], "url": "/x"}],
    )
    page = Page(mail.html)
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.all("img", "src") == []
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert HOSTILE in page.text
    assert "49" not in page.text
    # A text-only reader sees what was written.
    assert HOSTILE in mail.text
    assert mail.subject == HOSTILE


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize(
    "value",
    [HOSTILE, "", 0, -1, 1e308, True, None, [], {}, [[]], [{}], {"name": []}, [None, {"name": 7}]],
)
async def test_data_of_any_shape_can_be_rendered(kind: str, value: Any) -> None:
    await rendered(kind=kind, data=dict.fromkeys(FULL, value) | {"deep_link": value})


async def test_links_that_would_run_something_are_left_out() -> None:
    bad = "javascript:alert(1)"
    mail = await rendered(
        action_buttons=[{"text": "Go", "url": bad}, {"text": "Call", "action": "call"}],
        image_url=bad,
        business=Party(id=BAKERY.id, name="Sunrise Bakery", logo=bad),
        data={"deep_link": bad},
    )
    assert "javascript" not in mail.html
    assert "javascript" not in mail.text
    assert "Go" not in Page(mail.html).text.split()


async def test_pictures_are_hosted_described_and_no_wider_than_the_mail() -> None:
    mail = await rendered(
        image_url="https://images.example/a.jpg",
        business=Party(id=BAKERY.id, name="Sunrise Bakery", logo="/logos/b.png"),
    )
    page = Page(mail.html)
    picture, logo = [attributes for tag, attributes in page.tags if tag == "img"]
    assert picture["src"] == "https://images.example/a.jpg"
    assert picture["alt"] == letter().title
    assert "max-width:534px" in (picture["style"] or "")
    assert logo["src"] == f"{PUBLIC_URL}/logos/b.png"
    assert logo["alt"]


async def test_without_a_button_of_its_own_a_mail_opens_the_app() -> None:
    mail = await rendered(action_buttons=[], data={"deep_link": "savenbiteguild://listing/770g"})
    assert "savenbiteguild://listing/770g" in Page(mail.html).all("a", "href")
    assert "Open in the app: savenbiteguild://listing/770g" in mail.text


async def test_a_subject_has_no_line_breaks() -> None:
    mail = await rendered(title="Bread\r\nBcc: everybody@example.org")
    assert mail.subject == "Bread Bcc: everybody@example.org"
