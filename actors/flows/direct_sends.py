"""`notification.requested`: somebody sends one notification to one user (contract section 2.1).

Of our own making, by a request or by a schedule whose time has come.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from actors.flows.content import Content
from actors.flows.plan import NotYet, Plan, SubjectFlow, Tell
from actors.outcome import Outcomes, refusal_of
from rules.events import lane_of
from rules.ids import request_key
from rules.kinds import KINDS, Channel
from storage.events import NewEvent, StoredEvent
from storage.scheduled_sends import ScheduledSends

REQUESTED = "notification.requested"


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectSend:
    """One notification for one user, as somebody asked for it."""

    sender_id: UUID
    sender_type: str
    recipient_id: UUID
    kind: str
    title: str
    message: str
    data: dict[str, Any]
    action_buttons: list[dict[str, Any]]
    image_url: str | None
    priority: str
    channels: tuple[Channel, ...] | None
    """Instead of those of the kind."""

    def as_data(self) -> dict[str, Any]:
        """Return it as an event has it: what JSON can say."""
        return {
            "sender_id": str(self.sender_id),
            "sender_type": self.sender_type,
            "recipient_id": str(self.recipient_id),
            "kind": self.kind,
            "title": self.title,
            "message": self.message,
            "data": self.data,
            "action_buttons": self.action_buttons,
            "image_url": self.image_url,
            "priority": self.priority,
            "channels": self.channels and [channel.value for channel in self.channels],
        }

    def event(self, work_id: UUID, *, at: datetime) -> NewEvent:
        """Return the event of it, the same one for the same `work_id`."""
        return self._event(work_id, self.as_data(), at)

    def scheduled_event(self, schedule_id: UUID, *, at: datetime) -> NewEvent:
        """Return the event that the schedule is to become, which knows of which it is."""
        return self._event(schedule_id, {**self.as_data(), "schedule_id": str(schedule_id)}, at)

    def _event(self, work_id: UUID, data: dict[str, Any], at: datetime) -> NewEvent:
        return NewEvent(
            key=request_key(work_id),
            sender=self.sender_id,
            event_id=str(work_id),
            type=REQUESTED,
            occurred_at=at,
            data=data,
            lane=lane_of(REQUESTED, is_critical=self.priority == "critical").value,
        )


class NotificationRequested(SubjectFlow):
    """Tells one user what somebody asked for; who is not known or over the cap gets nothing."""

    is_answered_once_told = True

    def __init__(self, schedules: ScheduledSends) -> None:
        self._schedules = schedules

    async def plan(self, events: Sequence[StoredEvent]) -> Sequence[Plan | NotYet]:
        """Return what each event asks for."""
        return [_plan(event) for event in events]

    async def settle(self, events: Sequence[StoredEvent], outcomes: Outcomes) -> None:
        """Note at schedules that nothing came of them."""
        refused: dict[str, list[UUID]] = defaultdict(list)
        for event in events:
            refusal = refusal_of(outcomes[event.key].failure)
            if refusal is not None and "schedule_id" in event.data:
                refused[refusal].append(UUID(event.data["schedule_id"]))
        for refusal, ids in refused.items():
            await self._schedules.fail(ids, reason=refusal)


def _plan(event: StoredEvent) -> Plan:
    asked = event.data
    content = Content(
        kind=KINDS[asked["kind"]],
        title=asked["title"],
        message=asked["message"],
        data=asked["data"],
        action_buttons=asked["action_buttons"],
        image_url=asked["image_url"],
        sender_id=event.sender,
        sender_type=asked["sender_type"],
        priority=asked["priority"],
    )
    channels = asked["channels"]
    tell = Tell(
        content=content,
        recipient_ids=(UUID(asked["recipient_id"]),),
        channels=channels and tuple(Channel(channel) for channel in channels),
        is_for_known_only=True,
        is_refused_over_cap=True,
    )
    return Plan(tells=(tell,))
