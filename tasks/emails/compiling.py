"""Compile templates to what mails are rendered from, in a sandbox.

The sandbox keeps a template from the objects of this program, and not from taking for ever: what
people store is compiled and rendered in the press (tasks/emails/press.py), a process of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tasks.emails import formats
from tasks.emails.flattening import flatten
from tasks.emails.inlining import check_places, inline_css
from tasks.emails.pieces import TemplateRefused
from tasks.emails.rendered import Rendered
from tasks.emails.sources import ShippedSources, Source
from tasks.emails.view import objects

FAILURES = (TemplateRefused, TemplateError, ArithmeticError, LookupError, TypeError, ValueError)
"""What compiling raises, and what expressions do with values that they were not made for."""

Write = Callable[[Template, dict[str, Any]], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A template that mails are rendered from, without more work than each needs."""

    subject: Template
    html: Template
    text: Template

    def render(self, view: dict[str, Any], write: Write = Template.render) -> Rendered:
        """Return the mail; raises what Jinja and the template's own expressions raise."""
        subject = " ".join(write(self.subject, view).split())
        view = {**view, "subject": subject}
        return Rendered(subject=subject, html=write(self.html, view), text=write(self.text, view))


class TemplateCompiler:
    """Compiles any sources, on the shipped look if they extend it."""

    def __init__(self, shipped: ShippedSources | None = None) -> None:
        self.shipped = shipped or ShippedSources()
        self.markup = _environment(is_markup=True)
        self.plain = _environment(is_markup=False)

    def compile(self, source: Source) -> Compiled:
        """Return `source` ready to render; raise TemplateRefused with the field and its line."""
        load = self.shipped.loader(source.locale)
        with _of_field("subject"):
            subject = _template(self.plain, source.subject)
        with _of_field("html"):
            # As it is written first: later its lines are others.
            _template(self.markup, source.html)
            check_places(self.markup, source.html)
            html = inline_css(self.markup, flatten(self.markup, source.html, load))
            markup = _template(self.markup, html)
        with _of_field("text"):
            _template(self.plain, source.text)
            text = _template(self.plain, flatten(self.plain, source.text, load))
        return Compiled(subject=subject, html=markup, text=text)


@contextmanager
def _of_field(name: str) -> Iterator[None]:
    try:
        yield
    except TemplateRefused as error:
        error.field = name
        raise
    except (MemoryError, RecursionError, SyntaxError, ValueError, OverflowError):
        # From compilers that are given what nobody writes by hand.
        raise TemplateRefused(None, "is too large or nested too deeply", name) from None


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
    # Nothing in a mail needs them, and `lipsum` and `range` only make it long.
    environment.globals.clear()
    return environment


@pass_context
def _date(context: Context, value: Any) -> str | None:
    ways: formats.Formats = context["formats"]
    return ways.date(value)


@pass_context
def _money(context: Context, value: Any, currency: Any = None) -> str | None:
    ways: formats.Formats = context["formats"]
    return ways.money(value, currency)
