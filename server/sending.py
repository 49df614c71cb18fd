"""Send one notification to one user, now or at a time of its own (contract section 2.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from actors.direct_sends import DirectSends
from actors.flows.direct_sends import DirectSend
from actors.frames import timestamp, to_json
from server.auth import Principal
from server.errors import ValidationFailed
from server.idempotency import IdempotentRequests, RequestKey
from server.views import notification_record
from storage.idempotency_keys import KeptAnswer
from storage.names import NameResolver
from storage.positions import PositionClock
from storage.scheduled_sends import Schedule, ScheduledSends
from storage.users import UserNotFound, UsersRepository

FURTHEST_AHEAD = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked for, and when it is to be sent, None for now."""

    send: DirectSend
    send_at: datetime | None


class Sending:
    """Takes in what is to be sent; `on_planned` is called with the time of what is sent later."""

    def __init__(
        self,
        *,
        direct_sends: DirectSends,
        schedules: ScheduledSends,
        users: UsersRepository,
        names: NameResolver,
        requests: IdempotentRequests,
        clock: PositionClock,
        on_planned: Callable[[datetime], None],
    ) -> None:
        self._direct_sends = direct_sends
        self._schedules = schedules
        self._users = users
        self._names = names
        self._requests = requests
        self._clock = clock
        self._on_planned = on_planned

    async def answer(
        self, sender: Principal, body: Mapping[str, Any], *, key: RequestKey | None
    ) -> KeptAnswer:
        """Send what `body` says, as its schema loads it, and return the answer of this request.

        Raises ValidationFailed, UserNotFound, DailyCapReached, KeyReused, KeyInUse, and what
        keeps a send from being carried out now.
        """
        asked = _asked(sender, body)
        if asked.send.recipient_id == sender.user_id:
            raise ValidationFailed({"recipient_id": ["You cannot send to yourself."]})

        async def work(work_id: UUID, begun_at: datetime) -> KeptAnswer:
            if asked.send_at is None:
                return await self._send(work_id, asked.send)
            return await self._plan(work_id, asked.send, asked.send_at, begun_at)

        return await self._requests.once(sender.user_id, key, work)

    async def _send(self, work_id: UUID, send: DirectSend) -> KeptAnswer:
        sent = await self._direct_sends.send(work_id, send)
        names = sent.names or await self._names.of([sent.row])
        return _answer(201, notification_record(sent.row.to_document(), names))

    async def _plan(
        self, work_id: UUID, send: DirectSend, send_at: datetime, begun_at: datetime
    ) -> KeptAnswer:
        if not begun_at < send_at <= begun_at + FURTHEST_AHEAD:
            days = FURTHEST_AHEAD.days
            raise ValidationFailed({"send_at": [f"Must be within the next {days} days."]})
        if not await self._users.recipients([send.recipient_id]):
            raise UserNotFound(send.recipient_id)
        schedule = Schedule(
            id=work_id,
            sender=send.sender_id,
            recipient_id=send.recipient_id,
            kind=send.kind,
            title=send.title,
            send_at=send_at,
            created_at=begun_at,
        )
        await self._schedules.add(
            schedule,
            send.scheduled_event(work_id, at=send_at),
            now=self._clock.store_now(),
        )
        self._on_planned(send_at)
        return _answer(202, {"schedule_id": work_id, "send_at": timestamp(send_at)})


def _asked(sender: Principal, body: Mapping[str, Any]) -> _Asked:
    fields = dict(body)
    send_at = fields.pop("send_at")
    send = DirectSend(
        sender_id=sender.user_id,
        sender_type=sender.user_type.value,
        kind=fields.pop("notification_type"),
        **fields,
    )
    return _Asked(send, send_at)


def _answer(status: int, payload: Mapping[str, Any]) -> KeptAnswer:
    return KeptAnswer(status, to_json(payload).decode())
