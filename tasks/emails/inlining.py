"""Write the CSS of a template into its tags, once a version of it, and not once a mail.

premailer sees HTML in which a word stands for each expression and a comment for each tag, so it
cannot damage them; they are put back afterwards. Mail programs that show no `<style>` are why.
"""

from __future__ import annotations

import logging
import re
from secrets import token_hex
from typing import TYPE_CHECKING, Any, NoReturn

import cssutils
from lxml.etree import LxmlError
from premailer import Premailer
from premailer.premailer import PremailerError

from tasks.emails.pieces import Form, Piece, TemplateRefused, pieces_of

if TYPE_CHECKING:
    from jinja2 import Environment


def inline_css(environment: Environment, source: str) -> str:
    """Return `source` with its `<style>` inlined, without losing what Jinja reads.

    A style element with `data-premailer="ignore"` stays, for media queries. Raises TemplateRefused.
    """
    # A word that nobody can have written.
    mark = f"zq{token_hex(8)}"
    place = _Place()
    kept: list[Piece] = []
    swapped: list[str] = []
    for piece in pieces_of(environment, source):
        if piece.form is Form.TEXT:
            place.pass_by(piece.source)
            swapped.append(piece.source)
            continue
        if not place.has_room_for(piece):
            raise _misplaced(piece)
        number = len(kept)
        is_tag = piece.form is Form.TAG
        swapped.append(f"<!--{mark}t{number}t-->" if is_tag else f"{mark}e{number}e")
        kept.append(piece)
    seen: list[int] = []

    def put_back(found: re.Match[str]) -> str:
        seen.append(int(found[1] or found[2]))
        return kept[seen[-1]].source

    either = rf"<!--{mark}t(\d+)t-->|{mark}e(\d+)e"
    html = re.sub(either, put_back, _transformed("".join(swapped)))
    lost = set(range(len(kept))).difference(seen)
    if lost:
        raise _misplaced(kept[min(lost)])
    return html


def check_places(environment: Environment, source: str) -> None:
    """Refuse what cannot be inlined, by its line in `source`; blocks begin and end in text."""
    place = _Place()
    for piece in pieces_of(environment, source):
        if piece.form is Form.TEXT:
            place.pass_by(piece.source)
        elif not place.has_room_for(piece):
            raise _misplaced(piece)


class _Place:
    """Where in HTML we are: in text, in a tag, or in the quotes of an attribute."""

    def __init__(self) -> None:
        self._is_in_tag = False
        self._quote = ""

    def pass_by(self, html: str) -> None:
        """Go on to the end of `html`."""
        for character in html:
            if self._quote:
                if character == self._quote:
                    self._quote = ""
            elif self._is_in_tag:
                if character in "\"'":
                    self._quote = character
                self._is_in_tag = character != ">"
            else:
                self._is_in_tag = character == "<"

    def has_room_for(self, piece: Piece) -> bool:
        """Tell whether a word, or a comment for a tag of Jinja's, may stand here."""
        if piece.form is Form.TAG:
            return not self._is_in_tag
        return bool(self._quote) or not self._is_in_tag


def _misplaced(piece: Piece) -> TemplateRefused:
    return TemplateRefused(
        piece.line, f"{piece.source.strip()} stands where HTML has no place for it"
    )


class _Inliner(Premailer):  # type: ignore[misc]
    """Fetches nothing: premailer would let cssutils fetch whatever `@import` says."""

    def _parse_css_string(self, css_body: str | None, validate: bool = True) -> Any:
        return cssutils.CSSParser(fetcher=_refuse).parseString(css_body, validate=validate)


def _refuse(_url: str) -> NoReturn:
    raise TemplateRefused(1, "@import is not supported")


def _transformed(html: str) -> str:
    premailer = _Inliner(
        html,
        remove_classes=False,
        allow_network=False,
        disable_validation=True,
        cssutils_logging_level=logging.CRITICAL,
    )
    try:
        return str(premailer.transform(pretty_print=False))
    except (PremailerError, LxmlError, ValueError, AttributeError) as error:
        raise TemplateRefused(1, f"is no HTML that styles can be put into ({error})") from None
