"""Render mails from the templates of `templates/email/`.

    layout.html, layout.txt    the look, with blocks for all that is said
    <locale>/words.jinja       what every mail says, in one language
    <locale>/<kind>.jinja      what the mails of one kind say

`base.html` is the layout with the words of a language; a kind's mail is its blocks in `base.html`
and in `base.txt`, under its block `subject`. A template, wherever it is kept, is three sources.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import StrictUndefined, Template, TemplateError, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from rules.locales import shipped_locale
from tasks.channels.mail import NotRendered, Rendered
from tasks.emails import formats
from tasks.emails.flattening import block_of, flatten
from tasks.emails.inlining import inline_css
from tasks.emails.links import Links
from tasks.emails.pieces import TemplateRefused
from tasks.emails.view import objects, view_of

if TYPE_CHECKING:
    from tasks.letter import Letter

DIRECTORY = Path(__file__).parent.parent.parent / "templates" / "email"

GENERIC = "notification"
"""The template of kinds that have none of their own: anything may be sent by email."""

FAILURES = (TemplateRefused, TemplateError, ArithmeticError, LookupError, TypeError, ValueError)
"""What compiling raises, and what expressions do with values that they were not made for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A template of one kind in one language, as people write it."""

    locale: str
    subject: str
    html: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A template that mails are rendered from, without more work than each needs."""

    subject: Template
    html: Template
    text: Template

    def render(self, view: dict[str, Any]) -> Rendered:
        """Return the mail; raises what Jinja and the template's own expressions raise."""
        subject = " ".join(self.subject.render(view).split())
        view = {**view, "subject": subject}
        return Rendered(subject=subject, html=self.html.render(view), text=self.text.render(view))


class EmailTemplates:
    """Reads the shipped sources, and compiles any."""

    def __init__(self, directory: Path = DIRECTORY) -> None:
        self._directory = directory
        self._markup = _environment(is_markup=True)
        self._plain = _environment(is_markup=False)
        self.names = frozenset(path.stem for path in (directory / "en").glob("*.jinja")) - {"words"}

    def source(self, name: str, locale: str) -> Source:
        """Return the shipped template `name` in the shipped language `locale`."""
        blocks = self._read(f"{locale}/{name}.jinja")
        return Source(
            locale=locale,
            subject=block_of(self._plain, blocks, "subject"),
            html='{% extends "base.html" %}\n' + blocks,
            text='{% extends "base.txt" %}\n' + blocks,
        )

    def compile(self, source: Source) -> Compiled:
        """Return `source` ready to render; raise TemplateRefused."""

        def load(name: str) -> str:
            if name in {"base.html", "base.txt"}:
                layout = name.replace("base", "layout")
                return f'{{% extends "{layout}" %}}\n' + self._read(f"{source.locale}/words.jinja")
            if name in {"layout.html", "layout.txt"}:
                return self._read(name)
            raise LookupError(name)

        html = inline_css(self._markup, flatten(self._markup, source.html, load))
        text = flatten(self._plain, source.text, load)
        return Compiled(
            subject=_template(self._plain, source.subject),
            html=_template(self._markup, html),
            text=_template(self._plain, text),
        )

    def _read(self, name: str) -> str:
        return (self._directory / name).read_text("utf-8")


class FileTemplates:
    """The renderer of what is shipped; each template is compiled when first used."""

    def __init__(self, public_url: str, templates: EmailTemplates | None = None) -> None:
        self._links = Links(public_url)
        self._templates = templates or EmailTemplates()
        # As many as there are files: none is ever dropped.
        self._compiled: dict[tuple[str, str], asyncio.Task[Compiled]] = {}
        self._is_compiling = threading.Lock()

    async def render(self, letter: Letter, *, unsubscribe_url: str) -> Rendered:
        """Return the mail of `letter` in the recipient's language; raise NotRendered."""
        language = shipped_locale(letter.locale)
        name = letter.kind if letter.kind in self._templates.names else GENERIC
        view = view_of(letter, self._links, language=language, unsubscribe_url=unsubscribe_url)
        try:
            compiled = await self._compiled_once(name, language)
            return compiled.render(view)
        except FAILURES as error:
            # Its text may quote what the letter says.
            raise NotRendered(letter.kind, type(error).__name__) from None

    async def _compiled_once(self, name: str, language: str) -> Compiled:
        """Compile in a thread, which takes as long as hundreds of mails; others wait for it."""
        task = self._compiled.get((name, language))
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(self._compile, name, language))
            self._compiled[name, language] = task
        # Who is cancelled stops waiting, and does not stop the others' work.
        return task.result() if task.done() else await asyncio.shield(task)

    def _compile(self, name: str, language: str) -> Compiled:
        # The CSS parser below premailer keeps state of its own.
        with self._is_compiling:
            return self._templates.compile(self._templates.source(name, language))


def _template(environment: ImmutableSandboxedEnvironment, source: str) -> Template:
    try:
        return environment.from_string(source)
    except TemplateError as error:
        raise TemplateRefused(
            getattr(error, "lineno", 1), error.message or "is no template"
        ) from None


def _environment(*, is_markup: bool) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        autoescape=is_markup,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: "" if value is None else value,
    )
    environment.filters.update(
        date=_date,
        money=_money,
        text=formats.text,
        stars=formats.stars,
        listed=formats.listed,
        given=formats.given,
        objects=objects,
    )
    return environment


@pass_context
def _date(context: Context, value: Any) -> str | None:
    ways: formats.Formats = context["formats"]
    return ways.date(value)


@pass_context
def _money(context: Context, value: Any, currency: Any = None) -> str | None:
    ways: formats.Formats = context["formats"]
    return ways.money(value, currency)
