"""All that is stored about somebody (contract section 2.5)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import orjson
import structlog
from tornado.iostream import StreamClosedError

from actors.frames import timestamp
from server.auth import ADMINS, INBOX_OWNERS
from server.handlers.audited import AuditedHandler
from server.handlers.base import UUID_PATTERN, ApiHandler
from server.operation import Operation
from server.schemas.privacy import Export
from server.views import preferences_record
from storage.client import Document
from storage.personal_data import SECTIONS
from storage.users import UserNotFound

AHEAD = timedelta(minutes=1)
"""How far positions may be ahead of this process's clock, and more."""

APART = ("preferences", "devices")
"""What a user's document holds beside the profile."""

log = structlog.get_logger(__name__)


class StreamedExport(ApiHandler):
    """Answers with the export of one person, however much there is."""

    taken_within_s: ClassVar[float] = 30.0
    """How long a reader may take for what is on its way: at most 500 rows."""

    async def export(self, user_id: UUID, own: Document | None) -> None:
        """Answer with the document, part by part, each read once the last one is taken.

        `own` is what the user's own document holds, None when there is none.
        """
        with self.service.exports.running(user_id):
            self.set_header(
                "Content-Disposition", f'attachment; filename="savenbite-{user_id}.json"'
            )
            try:
                async with aclosing(self._parts(user_id, own)) as parts:
                    await self._send(parts)
            except (StreamClosedError, TimeoutError):
                log.info("export_not_taken", user_id=str(user_id))
                self._break_off()

    async def _send(self, parts: AsyncIterator[bytes]) -> None:
        """Write `parts` to the connection, each once it has taken the last."""
        async for part in parts:
            self.write(part)
            async with asyncio.timeout(self.taken_within_s):
                await self.flush()
            if self.request.method == "HEAD":
                return

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Break off what has begun, or it would pass for the whole."""
        if self._headers_written:
            self._break_off()
        else:
            super().send_error(status_code, **kwargs)

    def _break_off(self) -> None:
        self.detach().close()
        self.on_connection_close()

    async def _parts(self, user_id: UUID, own: Document | None) -> AsyncGenerator[bytes, None]:
        """Yield the document; no more of it is held than one part."""
        stores, now = self.service.stores, self.service.clock.store_now()
        profile = own and _record({key: own[key] for key in own if key not in APART})
        head = {
            "exported_at": now,
            "user_id": user_id,
            "profile": profile,
            "preferences": preferences_record(await stores.users.preferences(user_id)),
            "devices": own.get("devices", []) if own else [],
        }
        yield _json(head)[:-1]
        for section in SECTIONS:
            yield b',"%b":[' % section.name.encode()
            separator = b""
            async for rows in section.rows(stores, user_id, now + AHEAD):
                yield separator + b",".join(_json(_record(row)) for row in rows)
                separator = b","
            yield b"]"
        yield b"}"


class ExportHandler(StreamedExport):
    """`GET /api/privacy/export/`."""

    roles = {"GET": INBOX_OWNERS}
    operations = {"GET": Operation(answers={200: Export})}

    async def get(self) -> None:
        """Give the caller all that is stored about them, as one JSON document."""
        user_id = self.principal.user_id
        await self.export(user_id, await self.service.stores.users.exported(user_id))


class UserExportHandler(StreamedExport, AuditedHandler):
    """`GET /api/privacy/users/{user_id}/export/`."""

    roles = {"GET": ADMINS}
    operations = {"GET": Operation(answers={200: Export})}

    async def get(self, user_id: str) -> None:
        """Give an admin all that is stored about somebody, as one JSON document."""
        own = await self.service.stores.users.exported(UUID(user_id))
        if own is None:
            raise UserNotFound(UUID(user_id))
        await self.put_on_record("privacy.export", user_id)
        await self.export(UUID(user_id), own)


def _record(row: Document) -> Document:
    """Return the row under the name that ids have everywhere else."""
    return {"id": row["_id"], **{key: row[key] for key in row if key != "_id"}}


def _json(value: Document) -> bytes:
    return orjson.dumps(value, _shown, orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS)


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return timestamp(value)
    raise TypeError


ROUTES = [
    (r"/api/privacy/export/?", ExportHandler),
    (rf"/api/privacy/users/{UUID_PATTERN}/export/?", UserExportHandler),
]
