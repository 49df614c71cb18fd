"""A notification between the gates and its insert."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from actors.notice import Notice
from rules.gates import NOW, Decision, Gates, Later, Refusal, Refused
from rules.ids import NotificationIds
from rules.kinds import Channel
from rules.recipients import Recipient
from storage.notifications import NotificationRow
from storage.positions import Position

REDELIVER_AFTER = timedelta(seconds=60)
"""A delivery that the queue forgot is found by the sweep this long after its insert."""


@dataclass(slots=True)
class Draft:
    """What one recipient of a notice gets on which channel. Fan-outs make thousands of them.

    `decisions` are shared by all for whom they are the same.
    """

    id: UUID
    notice: Notice
    recipient: Recipient
    decisions: Mapping[Channel, Decision]

    @classmethod
    def all_of(cls, notice: Notice, *, at: datetime) -> list[Draft]:
        """Return, recipient by recipient, what the gates let through at `at`."""
        event, content, cause = notice.event, notice.content, notice.cause
        key, since = (event.key, event.accepted_at) if cause is None else (cause.key, cause.at)
        ids = NotificationIds(key, content.kind.name, since)
        gates = Gates(
            kind=content.kind,
            channels=content.kind.channels if notice.channels is None else notice.channels,
            business_id=content.business_id,
            at=at,
            is_critical=content.priority == "critical",
        )
        return [
            cls(ids.of(recipient.user_id), notice, recipient, gates.decide(recipient))
            for recipient in notice.recipients
        ]

    def change(self, decisions: Mapping[Channel, Decision]) -> None:
        """Decide otherwise on some channels, by what was asked once it was known who passes."""
        self.decisions = {**self.decisions, **decisions}

    @property
    def is_refused(self) -> bool:
        """Whether nothing is to be made of it."""
        return self.notice.is_refused_over_cap and (
            self.decisions.get(Channel.IN_APP) == Refused(Refusal.DAILY_CAP)
        )

    def row(
        self, position: Position, writer: str, like: NotificationRow | None = None
    ) -> NotificationRow:
        """Return the row to insert; `like` is one that differs in its recipient alone."""
        content = self.notice.content
        row = NotificationRow(
            id=self.id,
            recipient_id=self.recipient.user_id,
            event_id=self.notice.event.key,
            kind=content.kind.name,
            writer=writer,
            created_at=position.created_at,
            floor=position.floor,
            in_app=self.decisions.get(Channel.IN_APP) is NOW,
            title=content.title,
            message=content.message,
            data=content.data,
            action_buttons=content.action_buttons,
            image_url=content.image_url,
            priority=content.priority,
            business_id=content.business_id,
            sender_id=content.sender_id,
            sender_type=content.sender_type,
            template=content.template,
            campaign_id=content.campaign_id,
            channels={
                channel.value: _state(channel, decision, position.created_at)
                for channel, decision in self.decisions.items()
            }
            if like is None
            else like.channels,
        )
        row.like = like
        return row


class FirstRows:
    """Makes the rows of one insert, and has each know the first that is like it.

    The drafts that it is asked for have to outlive it.
    """

    def __init__(self, writer: str) -> None:
        self._writer = writer
        self._made: dict[tuple[int, int, datetime], NotificationRow] = {}

    def of(self, draft: Draft, position: Position) -> NotificationRow:
        """Return the row of `draft` at `position`."""
        alike = id(draft.notice), id(draft.decisions), position.created_at
        first = self._made.get(alike)
        row = draft.row(position, self._writer, first)
        if first is None:
            self._made[alike] = row
        return row


def _state(channel: Channel, decision: Decision, created_at: datetime) -> Mapping[str, Any]:
    """Return a channel's first state: refused and why, deferred, done, or due if the queue forgets.

    What is deferred is not queued: it waits in the store until it is due.
    """
    if isinstance(decision, Refused):
        return {"status": "suppressed", "reason": decision.reason.value}
    if isinstance(decision, Later):
        return {
            "status": "deferred",
            "reason": decision.reason,
            "due_at": decision.until,
        }
    if channel is Channel.IN_APP:
        return {"status": "delivered"}
    return {"status": "queued", "due_at": created_at + REDELIVER_AFTER}
