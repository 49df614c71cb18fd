from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError

from rules.locales import LOCALES
from rules.unsubscribing import Scope
from server.page_templates import DIRECTORY, PageTemplates

TEMPLATES = PageTemplates()
STEPS = ("ask", "done", "ask_back", "back")


def keys_of(texts: dict[str, Any], path: str = "") -> set[str]:
    found: set[str] = set()
    for key, value in texts.items():
        found |= keys_of(value, f"{path}{key}.") if isinstance(value, dict) else {path + key}
    return found


def test_every_language_has_every_text() -> None:
    texts = {locale: json.loads((DIRECTORY / f"{locale}.json").read_text()) for locale in LOCALES}
    for locale in LOCALES:
        assert keys_of(texts[locale]) == keys_of(texts["en"])
        assert all(str(value).strip() for value in texts[locale].values())


@pytest.mark.parametrize("locale", LOCALES)
def test_every_step_of_every_kind_has_its_own_words_and_one_button(locale: str) -> None:
    pages = {
        TEMPLATES.render("unsubscribe", locale, step=step, scope=scope)
        for step, scope in itertools.product(STEPS, Scope)
    }
    assert len(pages) == len(STEPS) * len(Scope)
    for page in pages:
        assert f'<html lang="{locale}">' in page
        assert page.count("<button") == page.count("<form") == 1


def test_a_language_that_is_not_shipped_reads_english() -> None:
    page = TEMPLATES.render("failure", "fr-FR", failure="again")
    assert page == TEMPLATES.render("failure", "en", failure="again")


def test_the_policy_allows_the_page_s_own_style_and_nothing_else() -> None:
    page = TEMPLATES.render("failure", "en", failure="unknown_link")
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in TEMPLATES.content_security_policy
    assert "default-src 'none'" in TEMPLATES.content_security_policy
    assert " style=" not in page


def write(directory: Path, template: str) -> PageTemplates:
    for locale in LOCALES:
        (directory / f"{locale}.json").write_text('{"greeting": "<b>Hello</b>"}')
    (directory / "page.css").write_text("p {}")
    (directory / "page.html").write_text(template)
    return PageTemplates(directory)


def test_what_is_put_into_a_page_is_text_and_never_markup(tmp_path: Path) -> None:
    page = write(tmp_path, "{{ written }}{{ texts.greeting }}").render(
        "page", "en", written="<script>alert('x')</script>"
    )
    assert page == "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&lt;b&gt;Hello&lt;/b&gt;"


def test_a_page_that_lacks_something_is_a_fault_and_not_a_gap(tmp_path: Path) -> None:
    with pytest.raises(UndefinedError):
        write(tmp_path, "{{ nothing }}").render("page", "en")


def test_a_template_uses_nothing_from_elsewhere() -> None:
    for file in DIRECTORY.glob("*.*"):
        text = file.read_text()
        assert not re.search(r"(https?:)?//(?!www\.w3\.org/2000/svg)", text), file
