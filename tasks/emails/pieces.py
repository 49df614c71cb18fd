"""Take a template's source apart where Jinja itself would: text, expressions and tags.

Errors: `TemplateRefused`, for whatever is wrong with a template, with its line.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from jinja2 import TemplateSyntaxError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jinja2 import Environment


class TemplateRefused(Exception):
    """A template that cannot be used, and why; `field` is that of its sources, once known.

    `line` is None where what fails is not at a line of it.
    """

    def __init__(self, line: int | None, problem: str, field: str | None = None) -> None:
        super().__init__(problem if line is None else f"line {line}: {problem}")
        self.line = line
        self.problem = problem
        self.field = field


class Form(Enum):
    """What a piece is to Jinja."""

    TEXT = auto()
    EXPRESSION = auto()
    TAG = auto()
    RAW = auto()
    """`{% raw %}…{% endraw %}`, whole."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of source; `words` are the names and strings that stand in it."""

    form: Form
    source: str
    line: int
    words: tuple[str, ...] = ()


_BEGINS = {
    "variable_begin": (Form.EXPRESSION, "variable_end"),
    "block_begin": (Form.TAG, "block_end"),
    "raw_begin": (Form.RAW, "raw_end"),
    "comment_begin": (None, "comment_end"),
}


def pieces_of(environment: Environment, source: str) -> Iterator[Piece]:
    """Yield the pieces of `source` without its comments; raise TemplateRefused."""
    tokens = iter(_tokens(environment, source))
    for line, token, value in tokens:
        if token not in _BEGINS:
            yield Piece(Form.TEXT, value, line)
            continue
        form, end = _BEGINS[token]
        text, words = [value], []
        for _, inner, part in tokens:
            text.append(part)
            if inner in {"name", "string"}:
                words.append(part.strip("\"'"))
            if inner == end:
                break
        else:
            raise TemplateRefused(line, f"{value} does not end")
        if form is not None:
            yield Piece(form, "".join(text), line, tuple(words))


def _tokens(environment: Environment, source: str) -> list[tuple[int, str, str]]:
    try:
        return list(environment.lex(source))
    except TemplateSyntaxError as error:
        raise TemplateRefused(error.lineno, error.message or "cannot be read") from None
