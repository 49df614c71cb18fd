"""Templates as such: compiled once, refused where they fail, and on the shared look."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tasks.channels.mail import NotRendered
from tasks.emails.compiling import TemplateCompiler
from tasks.emails.pieces import TemplateRefused
from tasks.emails.sources import ShippedSources, Source
from tasks.emails.templates import FileTemplates
from tasks.emails.view import Given
from tests.tasks.emails.rendering import (
    COMPILER,
    LEAVE,
    PUBLIC_URL,
    SHIPPED,
)
from tests.tasks.letters import letter


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
