"""The text of an SMS: what fits into few segments, cut cleanly (3GPP TS 23.038, GSM 7-bit).

A text of GSM characters has 160 septets in one message and 153 in each of several; a single other
character makes all of it UCS-2, with 70 and 67 units. So what merely looks typographic is written
plainly first.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.letter import Letter

SENDER = "Save n Bite"
MOST_SEGMENTS = 2

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
"""Two septets each, by an escape."""

_PLAIN = str.maketrans(
    {
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{LEFT DOUBLE QUOTATION MARK}": '"',
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{HORIZONTAL ELLIPSIS}": "...",
        "\N{NO-BREAK SPACE}": " ",
        "\N{BULLET}": "-",
    }
)

_SINGLE = {True: 160, False: 70}
_OF_SEVERAL = {True: 153, False: 67}
ELLIPSIS = "..."


def sms_text(letter: Letter) -> str:
    """Return the text of `letter`."""
    return fitted(f"{SENDER}: {letter.title}. {letter.message}")


def fitted(text: str, *, segments: int = MOST_SEGMENTS) -> str:
    """Return `text` in plain characters, cut after a word where it needs more than `segments`."""
    plain = " ".join(unicodedata.normalize("NFC", text.translate(_PLAIN)).split())
    if segments_of(plain) <= segments:
        return plain
    room = len(plain)
    while segments_of(cut := _cut(plain, room)) > segments:
        room -= 1
    return cut


def segments_of(text: str) -> int:
    """Return how many messages `text` takes on the air."""
    is_gsm = all(character in _BASIC or character in _EXTENDED for character in text)
    if is_gsm:
        units = sum(2 if character in _EXTENDED else 1 for character in text)
    else:
        units = len(text.encode("utf-16-be")) // 2
    if units <= _SINGLE[is_gsm]:
        return 1
    return -(-units // _OF_SEVERAL[is_gsm])


def _cut(text: str, characters: int) -> str:
    """Return the whole words of the first `characters`, or those when there is but one word."""
    kept = text[:characters]
    words, _, rest = kept.rpartition(" ")
    if len(rest) < len(kept) and not text[characters : characters + 1].isspace():
        kept = words or kept
    return kept.rstrip(" .,;:-") + ELLIPSIS
