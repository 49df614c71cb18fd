"""The way of valid events to the dispatcher, whoever brings them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from actors.dispatcher import Accept, Accepted, Dispatcher
from actors.loop_ref import LoopActorRef
from rules.events import lane_of
from rules.ids import event_key
from server.schemas.events import Event
from storage.events import NewEvent

ACCEPT_DEADLINE_S = 15.0


async def accept(
    dispatcher: Callable[[], LoopActorRef[Dispatcher]], sender: UUID, events: Sequence[Event]
) -> Accepted:
    """Make the `events` of `sender` durable; raises what the dispatcher raises."""
    new = [
        NewEvent(
            key=event_key(sender, event.id),
            sender=sender,
            event_id=event.id,
            type=event.type,
            occurred_at=event.occurred_at,
            data=event.data,
            lane=lane_of(event.type).value,
        )
        for event in events
    ]
    accepted: Accepted = await dispatcher().request(Accept(new), deadline_s=ACCEPT_DEADLINE_S)
    return accepted
