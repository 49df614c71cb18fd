from __future__ import annotations

import pytest

from tasks.emails.links import Links

LINKS = Links("https://savenbite.example/")


@pytest.mark.parametrize(
    ("url", "absolute"),
    [
        ("https://x.example/a?b=c#d", "https://x.example/a?b=c#d"),
        ("http://x.example", "http://x.example"),
        ("savenbiteguild://listing/770g", "savenbiteguild://listing/770g"),
        ("/listings/770g", "https://savenbite.example/listings/770g"),
    ],
)
def test_a_button_leads_to_the_web_or_into_the_app(url: str, absolute: str) -> None:
    assert LINKS.action(url) == absolute


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "javascript://x.example/%0aalert(1)",
        "data:text/html,<script>",
        "vbscript:x",
        "file:///etc/passwd",
        "mailto:a@b.example",
        "//evil.example/a",
        "/\\evil.example",
        "\\\\evil.example",
        "https:evil",
        "https://",
        "https://[",
        "listings/770g",
        "https://x.example/" + "a" * 2_048,
        "",
        None,
        7,
        ["https://x.example"],
    ],
)
def test_it_leads_nowhere_else(url: object) -> None:
    assert LINKS.action(url) is None
    assert LINKS.image(url) is None


def test_a_picture_is_on_the_web() -> None:
    assert LINKS.image("https://x.example/a.png") == "https://x.example/a.png"
    assert LINKS.image("/images/a.png") == "https://savenbite.example/images/a.png"
    assert LINKS.image("savenbiteguild://listing/770g") is None
