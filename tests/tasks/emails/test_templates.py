from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from actors.flows.profiles import welcome
from rules.kinds import KINDS, Channel
from rules.locales import LOCALES
from tasks.channels.mail import NotRendered
from tasks.emails.compiling import TemplateCompiler
from tasks.emails.pieces import TemplateRefused
from tasks.emails.rendered import Rendered
from tasks.emails.sources import DIRECTORY, ShippedSources, Source
from tasks.emails.templates import FileTemplates
from tasks.emails.view import Given
from tasks.letter import Party
from tests.tasks.letters import BAKERY, letter

PUBLIC_URL = "https://savenbite.example"
LEAVE = "https://savenbite.example/unsubscribe/token/"
TEMPLATES = FileTemplates(PUBLIC_URL)
COMPILER = TemplateCompiler()
SHIPPED = COMPILER.shipped
NAMES = sorted(SHIPPED.names)

FULL = {
    "listing_name": "Sourdough loaves",
    "price": "25.00",
    "currency": "ZAR",
    "expiry_date": "2026-11-26T18:00:00Z",
    "pickup_location": "12 Long Street",
    "pickup_time": "2026-11-26T15:30:00Z",
    "order_number": "SNB-2041",
    "confirmation_code": "K7-394Q",
    "contact_person": "Ayesha Jacobs",
    "contact_phone": "+27 21 555 0148",
    "items": [{"name": "Bread", "quantity": 2}],
    "total_amount": "145.50",
    "rating": 4,
    "status": "verified",
    "reason": "All papers were there",
    "promo_code": "FRIDAY50",
    "user_type": "customer",
    "listings": [
        {"listing_name": "Samoosas", "business_name": "Bo-Kaap", "price": "40", "expiry_date": "?"}
    ],
    "offers": 4,
    "unread_count": 7,
    "missed_pickups": 1,
    "unread_reminders": 2,
}
"""Every key that a template shows."""


async def rendered(**changes: Any) -> Rendered:
    return await TEMPLATES.render(letter(**changes), unsubscribe_url=LEAVE)


class Page(HTMLParser):
    """What a reader's program makes of the HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if not self.tags or self.tags[-1][0] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def all(self, tag: str, attribute: str) -> list[str | None]:
        return [attributes.get(attribute) for name, attributes in self.tags if name == tag]


def test_every_kind_that_has_email_has_a_template_of_its_own() -> None:
    with_email = {kind.name for kind in KINDS.values() if Channel.EMAIL in kind.channels}
    assert with_email < SHIPPED.names


@pytest.mark.parametrize("locale", LOCALES)
def test_every_language_has_every_file_and_every_string(locale: str) -> None:
    ours, english = DIRECTORY / locale, DIRECTORY / "en"
    assert {path.name for path in ours.iterdir()} == {path.name for path in english.iterdir()}
    for path in english.iterdir():
        theirs = (ours / path.name).read_text("utf-8")
        assert _blocks(theirs) == _blocks(path.read_text("utf-8")), path.name
        if locale != "en":
            assert _strings(theirs).isdisjoint(_strings(path.read_text("utf-8"))), path.name


def _blocks(source: str) -> list[str]:
    return re.findall(r"{% block (\w+) %}", source)


def _strings(source: str) -> set[str]:
    """Return the sentences and labels that readers see."""
    visible = re.sub(r"{[{#%].*?[}#%]}", "\n", source, flags=re.DOTALL)
    labels = re.findall(r'^  \(?"([^"]+)",', source, re.MULTILINE)
    lines = {line.strip(" .") for line in [*visible.split("\n"), *labels]}
    # The same word in two languages.
    return {line for line in lines if len(line) > 1} - {"Status"}


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("data", [{}, FULL])
async def test_every_kind_is_rendered_in_every_language(
    kind: str, locale: str, data: dict[str, Any]
) -> None:
    mail = await rendered(kind=kind, locale=locale, data=data)
    assert mail.subject
    assert "\n" not in mail.subject
    page = Page(mail.html)
    assert page.tags[0] == ("html", {"lang": locale})
    for shown in (letter().title, letter().message, "Thandi Nkosi", "View Details"):
        assert shown in page.text
        assert shown in mail.text
    assert LEAVE in mail.text
    assert LEAVE in page.all("a", "href")
    # Nothing of the template, and nothing that is missing, is left to be seen.
    for leftover in ("{{", "{%", "None", "zq"):
        assert leftover not in page.text
        assert leftover not in mail.text
    assert "\n\n\n" not in mail.text


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("new_listing", ["R25.00", "26 November 2026, 20:00", "12 Long Street"]),
        (
            "pickup_reminder",
            [
                "SNB-2041",
                "26 November 2026, 17:30",
                "12 Long Street",
                "2 \N{MULTIPLICATION SIGN} Bread",
                "R145.50",
                "Ayesha Jacobs",
                "+27 21 555 0148",
                "K7-394Q",
            ],
        ),
        ("review_received", ["★★★★☆", "Nomsa Dlamini wrote a review of Sunrise Bakery"]),
        ("verification_status", ["Verified", "All papers were there"]),
        ("promotional", ["FRIDAY50", "R25.00"]),
        (
            "weekly_digest",
            [
                "Samoosas",
                "Bo-Kaap",
                "R40.00",
                "4 offers in all",
                "7 notifications that you have not read",
                "1 missed pickup",
                "2 reminders of pickups that you have not read",
            ],
        ),
    ],
)
async def test_what_a_row_carries_is_shown(kind: str, shown: list[str]) -> None:
    mail = await rendered(kind=kind, data=FULL)
    for each in shown:
        assert each in Page(mail.html).text
        assert each in mail.text


@pytest.mark.parametrize(
    ("locale", "shown"),
    [
        ("en", ["2 offers in all", "1 notification that", "2 missed pickups", "1 reminder of a"]),
        (
            "af",
            ["2 aanbiedinge altesaam", "1 kennisgewing wat", "2 gemiste afhalings", "1 ongeleesde"],
        ),
        ("zu", ["kukonke: 2", "ongakazifundi: 1", "okuphuthelwe: 2", "zokulanda"]),
    ],
)
async def test_a_digest_counts_what_was_missed(locale: str, shown: list[str]) -> None:
    counts = {"offers": 2, "unread_count": 1, "missed_pickups": 2, "unread_reminders": 1}
    mail = await rendered(kind="weekly_digest", locale=locale, data=FULL | counts)
    for each in shown:
        assert each in Page(mail.html).text
        assert each in mail.text


@pytest.mark.parametrize("locale", ["en", "af", "zu"])
async def test_a_digest_of_nothing_but_unread_ones_speaks_of_no_businesses(locale: str) -> None:
    unread = {"listings": [], "offers": 0, "unread_count": 3}
    mail = await rendered(kind="weekly_digest", locale=locale, data=unread)
    whole = await rendered(kind="weekly_digest", locale=locale, data=FULL)
    lead = {"en": "at the businesses", "af": "by die besighede", "zu": "emabhizinisini"}[locale]
    assert lead in whole.text
    assert lead not in mail.text


@pytest.mark.parametrize(
    ("locale", "language"),
    [("af-ZA", "af"), ("zu_ZA", "zu"), ("AF", "af"), ("fr", "en"), ("", "en"), ("en-GB", "en")],
)
async def test_a_language_that_is_not_shipped_falls_back(locale: str, language: str) -> None:
    assert f'<html lang="{language}">' in (await rendered(locale=locale)).html


async def test_times_are_those_of_the_recipients_zone() -> None:
    mail = await rendered(timezone="America/New_York", kind="new_listing", data=FULL)
    assert "26 November 2026, 13:00" in mail.text


async def test_a_kind_without_a_template_has_the_general_one() -> None:
    mail = await rendered(kind="something_new")
    assert mail.subject == letter().title


async def test_the_year_is_the_letters() -> None:
    new_year = datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert "© 2027" in (await rendered(created_at=new_year)).text


async def test_who_has_no_name_is_greeted_all_the_same() -> None:
    assert "\nHi,\n" in (await rendered(recipient_name=None)).text


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


async def test_a_template_is_compiled_once_for_all_who_ask_at_once() -> None:
    counted = Counting()
    templates = FileTemplates(PUBLIC_URL, counted)
    mails = [letter(recipient_name=f"N{n}") for n in range(20)]
    made = await asyncio.gather(*(templates.render(each, unsubscribe_url=LEAVE) for each in mails))
    assert len({mail.html for mail in made}) == 20
    assert counted.compiled == 1


class Counting(TemplateCompiler):
    compiled = 0

    def compile(self, source: Source) -> Any:
        self.compiled += 1
        return super().compile(source)


@pytest.mark.parametrize(
    "html",
    [
        "<p>{{ nobody.knows }}</p>",
        "<p>{{ unknown }}</p>",
        "<p>{{ title + 1 }}</p>",
        "<p>{{ 1 / 0 }}</p>",
        "<p>{{ title.__class__.__mro__ }}</p>",
        "<p>{{ buttons.append(1) }}</p>",
        "<p>{{ x | no_such_filter }}</p>",
        "<p>{% if %}</p>",
    ],
)
async def test_a_template_that_fails_says_so_and_quotes_nobody(tmp_path: Path, html: str) -> None:
    broken = tmp_path / "email"
    (broken / "en").mkdir(parents=True)
    (broken / "layout.txt").write_text("{{ message }}")
    (broken / "layout.html").write_text(html)
    (broken / "en" / "words.jinja").write_text("{% block greeting %}Hi{% endblock %}")
    (broken / "en" / "notification.jinja").write_text("{% block subject %}Hi{% endblock %}")
    templates = FileTemplates(PUBLIC_URL, TemplateCompiler(ShippedSources(broken)))
    with pytest.raises(NotRendered) as refused:
        await templates.render(letter(title="A secret"), unsubscribe_url=LEAVE)
    assert "A secret" not in str(refused.value)


def test_a_template_written_by_hand_stands_alone_or_on_the_shared_look() -> None:
    view = {"title": "<Bread>", "data": Given({"where": {"city": "Durban"}})}
    alone = Source(
        locale="en",
        subject="{{ title }}",
        html="<p>{{ title }}</p>",
        text="{{ data.where.city }}{{ data.where }}{{ data.nothing }}",
    )
    made = COMPILER.compile(alone).render(view)
    assert (made.subject, made.text) == ("<Bread>", "Durban")
    assert "<p>&lt;Bread&gt;</p>" in made.html
    shipped = SHIPPED.source("welcome", "af")
    assert shipped.html.startswith('{% extends "base.html" %}')
    with pytest.raises(TemplateRefused, match="extends what there is not"):
        COMPILER.compile(
            Source(locale="en", subject="x", html='{% extends "/etc/passwd" %}', text="x")
        )


@pytest.mark.parametrize(
    ("user_type", "point"),
    [("customer", "Volg die besighede"), ("ngo", "Volg die besighede"), ("provider", "Plaas jou")],
)
async def test_who_is_new_is_welcomed_in_their_language_and_as_what_they_are(
    user_type: str, point: str
) -> None:
    told = welcome(user_type)
    mail = await rendered(
        kind=told.kind.name, locale="af", title=told.title, message=told.message, data=told.data
    )
    assert mail.subject == "Welkom by Save n Bite"
    assert f"- {point}" in mail.text
