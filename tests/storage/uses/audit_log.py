"""Uses of the log of what operators do."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from storage.audit_log import AuditEntry, AuditFilter, AuditLog
from tests.storage.filled.asked import LATER, OWNER, SETTLER
from tests.storage.samples import NOON, SECOND
from tests.storage.uses.use import Use, counted_in_parts, without

if TYPE_CHECKING:
    from storage.stores import Stores

ENTRY = AuditEntry(
    id=uuid4(),
    at=LATER + SECOND,
    actor=SETTLER,
    actor_type="admin",
    action="a",
    target="t",
    ip="::1",
    request_id="r",
)
WITHOUT_IT = without("audit_log", [ENTRY.id])


def page(index: str, wanted: AuditFilter) -> Use:
    async def run(stores: Stores) -> tuple[int, int]:
        found = await stores.audit_log.page(wanted, page=2, page_size=9)
        return found.count, len(found.entries)

    return Use(AuditLog.page, run, (index,), WITHOUT_IT)


USES = [
    Use(AuditLog.add, lambda stores: stores.audit_log.add(ENTRY), restore=WITHOUT_IT),
    page("actor_at", AuditFilter(actor=OWNER)),
    page("action_at", AuditFilter(action="asked")),
    page("actor_action_at", AuditFilter(actor=OWNER, action="asked")),
    page("at", AuditFilter(since=NOON, until=LATER)),
    Use(
        AuditLog.exported,
        lambda stores: counted_in_parts(stores.audit_log.exported(OWNER)),
        ("actor_at",),
    ),
]
