from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from actors.flows.profiles import welcome
from rules.kinds import KINDS, Channel
from rules.locales import LOCALES
from tasks.emails.sources import DIRECTORY
from tests.tasks.emails.rendering import (
    FULL,
    LEAVE,
    SHIPPED,
    Page,
    rendered,
)
from tests.tasks.letters import letter


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
