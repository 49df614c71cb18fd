"""What operators did (contract section 2.6)."""

from __future__ import annotations

from typing import Any

from actors.frames import timestamp
from server.auth import ADMINS
from server.handlers.base import ApiHandler
from server.operation import Operation
from server.paging import listing
from server.schemas.audit_log import AUDIT_LOG_QUERY, AuditRows
from storage.audit_log import AuditEntry, AuditFilter


class AuditLogHandler(ApiHandler):
    """`GET /api/audit-log/`."""

    roles = {"GET": ADMINS}
    operations = {"GET": Operation(query=AUDIT_LOG_QUERY, answers={200: AuditRows})}

    async def get(self) -> None:
        """List what admins did, the newest first."""
        asked = self.query()
        wanted = AuditFilter(
            actor=asked.get("actor_id"),
            action=asked.get("action"),
            since=asked.get("since"),
            until=asked.get("until"),
        )
        page = await self.service.stores.audit_log.page(
            wanted, page=asked["page"], page_size=asked["page_size"]
        )
        self.answer(
            listing(
                url=self.service.url("/api/audit-log/"),
                query=self.asked_with(),
                page=asked["page"],
                page_size=asked["page_size"],
                count=page.count,
                results=[_record(entry) for entry in page.entries],
            )
        )


def _record(entry: AuditEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": timestamp(entry.at),
        "actor": {"id": entry.actor, "user_type": entry.actor_type},
        "action": entry.action,
        "target": entry.target,
        "ip": entry.ip,
        "request_id": entry.request_id,
        "details": entry.details,
    }


ROUTES = [(r"/api/audit-log/?", AuditLogHandler)]
