"""The templates that are shipped, as people write them.

    layout.html, layout.txt    the look, with blocks for all that is said
    <locale>/words.jinja       what every mail says, in one language
    <locale>/<kind>.jinja      what the mails of one kind say

`base.html` is the layout with the words of a language; a kind's mail is its blocks in `base.html`
and in `base.txt`, under its block `subject`. A template, wherever it is kept, is three sources.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment

from tasks.emails.flattening import block_of

if TYPE_CHECKING:
    from collections.abc import Callable

DIRECTORY = Path(__file__).parent.parent.parent / "templates" / "email"

GENERIC = "notification"
"""The template of kinds that have none of their own: anything may be sent by email."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A template in one language."""

    locale: str
    subject: str
    html: str
    text: str


class ShippedSources:
    """Reads `templates/email/`."""

    def __init__(self, directory: Path = DIRECTORY) -> None:
        self._directory = directory
        # Only to find a block in a file: nothing is rendered by it.
        self._reading = Environment(autoescape=True)
        self.names = frozenset(path.stem for path in (directory / "en").glob("*.jinja")) - {"words"}

    def source(self, name: str, locale: str) -> Source:
        """Return the template `name` in the shipped language `locale`."""
        blocks = self._read(f"{locale}/{name}.jinja")
        return Source(
            locale=locale,
            subject=block_of(self._reading, blocks, "subject"),
            html='{% extends "base.html" %}\n' + blocks,
            text='{% extends "base.txt" %}\n' + blocks,
        )

    def came_at(self, name: str, locale: str) -> datetime:
        """Return when this version of the template came to this machine."""
        changed_s = (self._directory / locale / f"{name}.jinja").stat().st_mtime
        return datetime.fromtimestamp(int(changed_s), UTC)

    def loader(self, locale: str) -> Callable[[str], str]:
        """Return what gives the sources that others may extend, or raises LookupError."""

        def load(name: str) -> str:
            if name in {"base.html", "base.txt"}:
                layout = name.replace("base", "layout")
                return f'{{% extends "{layout}" %}}\n' + self._read(f"{locale}/words.jinja")
            if name in {"layout.html", "layout.txt"}:
                return self._read(name)
            raise LookupError(name)

        return load

    def _read(self, name: str) -> str:
        return (self._directory / name).read_text("utf-8")
