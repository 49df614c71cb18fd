"""What every handler does that carries out what an operator wants: put it on record first."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from server.handlers.base import ApiHandler
from storage.audit_log import AuditEntry


class AuditedHandler(ApiHandler):
    """Base of handlers that write to the audit log."""

    async def put_on_record(self, action: str, target: str, **details: Any) -> None:
        """Write down what the caller is about to do. Raises StoreUnavailable: then leave it."""
        await self.service.stores.audit_log.add(
            AuditEntry(
                id=uuid4(),
                at=self.service.clock.store_now(),
                actor=self.principal.user_id,
                actor_type=self.principal.user_type.value,
                action=action,
                target=target,
                ip=str(self.service.addresses.exact(self.request) or self.request.remote_ip),
                request_id=self.request_id,
                details=details,
            )
        )
