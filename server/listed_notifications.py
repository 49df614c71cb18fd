"""Show the rows of an inbox as JSON, most of which was written for a row shown before."""

from __future__ import annotations

from collections.abc import Sequence

from orjson import Fragment

from actors.frames import to_json
from server.views import notification_content, notification_origin
from storage.client import Document
from storage.names import NameResolver
from storage.notifications import ListedRow


async def listed_notifications(rows: Sequence[ListedRow], resolver: NameResolver) -> list[Fragment]:
    """Return the record of each row (`server/views.py`), as `to_json` takes it."""
    by_origin = {row.content.origin: row.content.fields for row in rows}
    names = await resolver.resolve(
        users=[fields["sender_id"] for fields in by_origin.values()],
        businesses=[fields["business_id"] for fields in by_origin.values()],
    )
    origins = {
        origin: _members(notification_origin(fields, names)) for origin, fields in by_origin.items()
    }
    records = []
    for row in rows:
        content = row.content
        if content.shown is None:
            content.shown = _members(notification_content(content.fields))
        whole = b'{"id":"%b",%b,%b}' % (row.id_text, origins[content.origin], content.shown)
        records.append(Fragment(whole))
    return records


def _members(shown: Document) -> bytes:
    """Return `shown` as JSON without its braces."""
    return to_json(shown)[1:-1]
