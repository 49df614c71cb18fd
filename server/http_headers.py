"""Header fields as Tornado keeps them, with less work for each.

What is not there is looked up without an exception, what many messages begin with is copied and not
set field by field, and a head is read in one pass. Whatever is not plainly right in a head is left
to Tornado, which says what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Self

from tornado.httputil import HTTPHeaders

KNOWN_NAMES = 1_000
"""As many as Tornado remembers."""

LONGEST_NAME = 64
"""What is longer is not remembered."""

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A token (RFC 9110 §5.6.2)."""

_NOT_PLAIN = re.compile(r"[^\t\r\n\x20-\x7e\x80-\xff]")
"""What no value has (RFC 9110 §5.5)."""

_BLANK = " \t"


class Headers(HTTPHeaders):
    """Fields of a request, or of an answer."""

    def __init__(self, *args: Any, **fields: str) -> None:
        if args or fields:
            super().__init__(*args, **fields)
        else:
            self._as_list: dict[str, list[str]] = {}
            self._combined_cache: dict[str, str] = {}

    @classmethod
    def of_head(cls, head: str) -> Self | None:
        """Return the fields in `head`, lines that each end in CRLF; None where it is not plain."""
        lines = head.split("\r\n")
        ends = len(lines) - 1
        if head.count("\n") != ends or head.count("\r") != ends or _NOT_PLAIN.search(head):
            return None
        found = cls()
        values_of = found._as_list
        for line in lines:
            if not line:
                continue
            name, colon, value = line.partition(":")
            known = _known(name) if colon and len(name) <= LONGEST_NAME else None
            if known is None:
                return None
            if known in values_of:
                values_of[known].append(value.strip(_BLANK))
            else:
                values_of[known] = [value.strip(_BLANK)]
        return found

    @classmethod
    def begun_with(cls, fields: Mapping[str, str]) -> Self:
        """Return what begins with `fields`, whose names are written as Tornado writes them."""
        begun = cls()
        begun._as_list = {name: [value] for name, value in fields.items()}
        return begun

    def another(self) -> Self:
        """Return the same fields, to be changed."""
        other = type(self)()
        other._as_list = self._as_list.copy()  # noqa: SLF001
        return other

    def add(self, name: str, value: str, **how: Any) -> None:
        """Add a value, not to the list that another may have, too."""
        known = _written(name)
        if known in self._as_list:
            self._as_list[known] = self._as_list[known].copy()
        super().add(name, value, **how)

    def get(self, name: str, default: Any = None) -> Any:
        """Return the values of a field, or `default`."""
        values = self._as_list.get(_written(name))
        if values is None:
            return default
        return values[0] if len(values) == 1 else ",".join(values)

    def lines(self) -> str:
        """Return all fields, a line each. Raises ValueError for one that would be several."""
        written = [
            f"{name}: {value}\r\n" for name, values in self._as_list.items() for value in values
        ]
        lines = "".join(written)
        if lines.count("\n") != len(written) or lines.count("\r") != len(written):
            raise ValueError("a header field has an end of line in it")
        return lines


@lru_cache(KNOWN_NAMES)
def _written(name: str) -> str:
    """Return `name` as Tornado writes it."""
    return "-".join([word.capitalize() for word in name.split("-")])


@lru_cache(KNOWN_NAMES)
def _known(name: str) -> str | None:
    """Return `name` as Tornado writes it, None where it is none."""
    return _written(name) if _NAME.fullmatch(name) else None
