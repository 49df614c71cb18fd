"""Send one notification to one user, and wait for what becomes of it.

    sent = await direct_sends.send(work_id, DirectSend(...))

It is an event like everything that makes notifications; the same `work_id` is the same event, so a
send that was broken off is found and not done again. Errors: `SendUnfinished`, `SendFailed`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from actors.dispatcher import Accept, Accepted, Dispatcher
from actors.flows.direct_sends import DirectSend
from actors.loop_ref import DeadlineExceeded, LoopActorRef
from actors.outcome import Outcome, failure_of
from rules.events import Lane
from rules.ids import notification_id
from storage.events import EventsRepository, NewEvent, Progress
from storage.names import Names
from storage.notifications import NotificationRow, NotificationsRepository
from storage.positions import PositionClock
from storage.users import UserNotFound

SEND_WITHIN_S = 10.0
"""Below the time for which an attempt holds an idempotency key."""

LOOK_AGAIN_AFTER_S = 0.1
"""How often the store is asked about an event that is carried out elsewhere."""


class SendUnfinished(Exception):
    """The send is durable and will be carried out, but nobody can wait for it so long."""

    def __init__(self, event_key: UUID) -> None:
        super().__init__(f"event {event_key} is not carried out yet")
        self.event_key = event_key


class SendFailed(Exception):
    """The send was tried as often as events are, and given up: a fault of ours."""

    def __init__(self, event_key: UUID) -> None:
        super().__init__(f"event {event_key} was given up")
        self.event_key = event_key


@dataclass(frozen=True, slots=True)
class Sent:
    """What a send made."""

    row: NotificationRow
    names: Names | None
    """Of whom it is from, where they have been looked for."""


class DirectSends:
    """Sends, and knows what became of a send."""

    def __init__(
        self,
        dispatcher: Callable[[], LoopActorRef[Dispatcher]],
        events: EventsRepository,
        notifications: NotificationsRepository,
        clock: PositionClock,
        *,
        send_within_s: float = SEND_WITHIN_S,
    ) -> None:
        self._dispatcher = dispatcher
        self._events = events
        self._notifications = notifications
        self._clock = clock
        self._send_within_s = send_within_s

    async def send(self, work_id: UUID, send: DirectSend) -> Sent:
        """Return what `send` makes, or made in an earlier try of `work_id`.

        Raises UserNotFound, DailyCapReached, SendUnfinished, SendFailed, and what the dispatcher
        raises.
        """
        event = send.event(work_id, at=self._clock.store_now())
        ends_s = asyncio.get_running_loop().time() + self._send_within_s
        try:
            outcome = await self._carry_out(event, ends_s)
            if outcome is None:
                async with asyncio.timeout_at(ends_s):
                    return Sent(await self._found(event, send), None)
        except (DeadlineExceeded, TimeoutError):
            raise SendUnfinished(event.key) from None
        if not outcome.is_final:
            raise SendUnfinished(event.key)
        if outcome.failure is not None:
            raise outcome.failure
        return Sent(outcome.rows[0], outcome.names)

    async def _carry_out(self, event: NewEvent, ends_s: float) -> Outcome | None:
        """Have `event` carried out; None when it is known, or not carried out by this process."""
        accepted: Accepted = await self._dispatcher().request(
            Accept([event]), deadline_s=self._send_within_s
        )
        outcomes = accepted.outcomes.get(Lane(event.lane))
        if outcomes is None:
            return None
        left_s = ends_s - asyncio.get_running_loop().time()
        return (await outcomes.within(left_s)).get(event.key)

    async def _found(self, event: NewEvent, send: DirectSend) -> NotificationRow:
        """Wait until somebody has carried `event` out, and look at what it made."""
        while True:
            progress = await self._events.progress(event.key)
            if progress is not None and progress.state != "pending":
                return await self._made(event, send, progress)
            await asyncio.sleep(LOOK_AGAIN_AFTER_S)

    async def _made(self, event: NewEvent, send: DirectSend, progress: Progress) -> NotificationRow:
        if progress.state == "failed":
            raise SendFailed(event.key)
        if progress.refusal is not None:
            raise failure_of(progress.refusal, send.recipient_id)
        row_id = notification_id(event.key, send.kind, send.recipient_id, progress.accepted_at)
        row = await self._notifications.find(send.recipient_id, row_id)
        if row is None:
            # Nothing but the erasure of the recipient takes a row away so soon.
            raise UserNotFound(send.recipient_id)
        return row
