"""What of an inbox is asked for, and the stages of an aggregation that find it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage.positions import EPOCH

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxFilter:
    """What of an inbox is asked for; None asks for all."""

    is_read: bool | None = None
    kind: str | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None

    @property
    def is_by_state(self) -> bool:
        """Whether rows are wanted, if not all, by nothing but being read or not."""
        return self.kind is None and self.created_from is None and self.created_before is None

    def stages(self, recipient_id: UUID) -> list[dict[str, Any]]:
        """Return the stages that find the inbox rows which are wanted.

        Apart, because the embedded store uses an index only where it serves the whole first stage.
        """
        # Always a range: without one it may take an index that is in another order.
        created = {"$gte": self.created_from or EPOCH}
        if self.created_before is not None:
            created["$lt"] = self.created_before
        # What is unread is in the inbox, and the index on it is the smaller one.
        shown = "unread" if self.is_read is False else "inbox"
        rest: dict[str, Any] = {}
        if self.is_read:
            rest["is_read"] = True
        if self.kind is not None:
            rest["kind"] = self.kind
        return [
            {"$match": {"recipient_id": recipient_id, shown: True, "created_at": created}},
            *([{"$match": rest}] if rest else []),
        ]
