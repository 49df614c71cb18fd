"""Lists as clients get them: `{count, next, previous, results}` (contract section 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from orjson import Fragment


def listing(
    *,
    url: str,
    query: Mapping[str, str],
    page: int,
    page_size: int,
    count: int,
    results: Sequence[object] | Fragment,
    **extra: Any,
) -> dict[str, Any]:
    """Return a page of a list; `next` and `previous` are absolute and keep the filters.

    `results` are the records, or a JSON array of them; `url` is the list's own absolute URL, and
    `query` the parameters it was asked with.
    """

    def at(number: int) -> str:
        return f"{url}?{urlencode({**query, 'page': str(number)})}"

    last = max(1, -(-count // page_size))
    return {
        "count": count,
        **extra,
        "next": at(page + 1) if page < last else None,
        "previous": at(min(page - 1, last)) if page > 1 else None,
        "results": results,
    }
