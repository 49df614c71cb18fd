"""Write the CSS of a template into its tags, once a version of it, and not once a mail.

premailer sees HTML in which a word stands for each expression and a comment for each tag, so it
cannot damage them; they are put back afterwards. Mail programs that show no `<style>` are why.
"""

from __future__ import annotations

import logging
import re
from secrets import token_hex
from typing import TYPE_CHECKING

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
    kept: list[Piece] = []
    swapped: list[str] = []
    for piece in pieces_of(environment, source):
        if piece.form is Form.TEXT:
            swapped.append(piece.source)
            continue
        word = f"{mark}n{len(kept)}n"
        swapped.append(f"<!--{word}-->" if piece.form is Form.TAG else word)
        kept.append(piece)
    seen: list[int] = []

    def put_back(found: re.Match[str]) -> str:
        number = int(found[1] or found[2])
        seen.append(number)
        return kept[number].source

    html = re.sub(rf"<!--{mark}n(\d+)n-->|{mark}n(\d+)n", put_back, _transformed("".join(swapped)))
    if seen != list(range(len(kept))):
        lost = next(number for number in range(len(kept)) if seen[number : number + 1] != [number])
        raise TemplateRefused(
            kept[lost].line, f"{kept[lost].source} stands where HTML has no place for it"
        )
    return html


def _transformed(html: str) -> str:
    premailer = Premailer(
        html,
        remove_classes=False,
        allow_network=False,
        disable_validation=True,
        cssutils_logging_level=logging.CRITICAL,
    )
    try:
        return str(premailer.transform(pretty_print=False))
    except (PremailerError, LxmlError, ValueError, AssertionError) as error:
        raise TemplateRefused(1, f"is no HTML that styles can be put into ({error})") from None
