"""`verification.status_changed`: tell the user (contract section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from actors.flows.content import Content
from actors.flows.plan import Plan, Tell
from actors.flows.statuses import StatusFlow
from rules.content import MESSAGE_LIMIT
from rules.ids import status_key
from rules.kinds import KINDS
from rules.text import shorten
from storage.events import StoredEvent


class VerificationStatusChanged(StatusFlow):
    """Plan what users are told of their verification."""

    def subject(self, event: StoredEvent) -> UUID:
        """Return the key of the user's verification."""
        return status_key("verification", event.data["user_id"])

    async def plan_news(self, events: Sequence[StoredEvent]) -> Sequence[Plan]:
        """Tell the user of each."""
        return [
            Plan(
                tells=(
                    Tell(
                        content=verification_status(event.data),
                        recipient_ids=(UUID(event.data["user_id"]),),
                    ),
                )
            )
            for event in events
        ]


def verification_status(change: dict[str, Any]) -> Content:
    """Return what the user is told of `change`, the data of the event."""
    reason = change.get("reason")
    message = f"The status of your verification is now: {change['status'].replace('_', ' ')}."
    return Content(
        kind=KINDS["verification_status"],
        title="Your verification",
        message=shorten(f"{message} {reason}" if reason else message, MESSAGE_LIMIT),
        data={"status": change["status"], "reason": reason},
    )
