"""Show the rows of an inbox as JSON, most of which was written for a row shown before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orjson import Fragment

from actors.frames import to_json
from server.views import notification_content, notification_origin
from storage.client import Document
from storage.names import NameResolver
from storage.notifications import ListedRow

ORIGIN_BYTES = 800
RECORD_BYTES = 200
"""What a record takes besides what it shows, which others may show, too."""


class ListedNotifications:
    """The records of some rows (`server/views.py`), all but the names of whom they are from.

    Those are looked up each time, because names change and what is stored does not.
    """

    __slots__ = ("_origins", "_records", "size_bytes")

    def __init__(self, rows: Sequence[ListedRow]) -> None:
        self._origins: Final = {row.content.origin: _origin(row) for row in rows}
        self._records: Final = [(row.id_text, row.content.origin, _shown(row)) for row in rows]
        self.size_bytes: Final = ORIGIN_BYTES * len(self._origins) + sum(
            RECORD_BYTES + len(shown) for _, _, shown in self._records
        )
        """About what it takes."""

    async def named(self, resolver: NameResolver) -> Fragment:
        """Return them as a JSON array, as `to_json` takes it."""
        names = await resolver.resolve(
            users=[fields["sender_id"] for fields in self._origins.values()],
            businesses=[fields["business_id"] for fields in self._origins.values()],
        )
        origins = {
            origin: _members(notification_origin(fields, names))
            for origin, fields in self._origins.items()
        }
        records = b",".join(
            [
                b'{"id":"%b",%b,%b}' % (id_text, origins[origin], shown)
                for id_text, origin, shown in self._records
            ]
        )
        return Fragment(b"[%b]" % records)


def _origin(row: ListedRow) -> Document:
    fields = row.content.fields
    return {name: fields.get(name) for name in ("business_id", "sender_id", "sender_type")}


def _shown(row: ListedRow) -> bytes:
    content = row.content
    if content.shown is None:
        content.shown = _members(notification_content(content.fields))
    return content.shown


def _members(shown: Document) -> bytes:
    """Return `shown` as JSON without its braces."""
    return to_json(shown)[1:-1]
