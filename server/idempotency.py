"""Carry a request out once, however often it is sent under one `Idempotency-Key` (contract 2.1).

What was made is answered again, status and body. A refusal made nothing, so it leaves the key as
good as new; after a failure of ours, or a kill, the next try goes on with what was begun.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import orjson
import structlog
from tornado.httputil import HTTPServerRequest

from rules.ids import idempotency_key_id
from rules.lease import Lease
from server.error_table import answer_to
from server.schemas.idempotency import key_of
from storage.client import StoreUnavailable
from storage.idempotency_keys import Attempt, Held, IdempotencyKeys, KeptAnswer, KeyInUse
from storage.positions import PositionClock
from storage.processes import ProcessesRepository

Work: TypeAlias = Callable[[UUID, datetime], Awaitable[KeptAnswer]]
"""Does what is asked under a work id, judging times by when the first try began."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RequestKey:
    """The `Idempotency-Key` of a request, and what tells the request from others under the key."""

    value: str
    fingerprint: str

    @classmethod
    def of(cls, request: HTTPServerRequest, body: bytes) -> RequestKey | None:
        """Return the key of a request whose body is JSON, None when it has none.

        Raises ValidationFailed.
        """
        value = key_of(request.headers)
        return None if value is None else cls(value, fingerprint_of(request, orjson.loads(body)))


def fingerprint_of(request: HTTPServerRequest, body: Any) -> str:
    """Return what tells this request from another; of JSON it is what it says that counts."""
    canonical = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    return f"{request.method} {request.path.rstrip('/')} {sha256(canonical).hexdigest()}"


class IdempotentRequests:
    """Knows the requests that were made under keys."""

    def __init__(
        self,
        keys: IdempotencyKeys,
        processes: ProcessesRepository,
        clock: PositionClock,
        lease: Lease,
    ) -> None:
        self._keys = keys
        self._processes = processes
        self._clock = clock
        self._lease = lease

    async def once(self, sender: UUID, key: RequestKey | None, work: Work) -> KeptAnswer:
        """Return the answer of `work`, or what it was in an earlier try.

        Without a key each request is another. Raises KeyReused, KeyInUse, and what `work` raises.
        """
        if key is None:
            return await work(uuid4(), self._clock.store_now())
        attempt = await self._begin(idempotency_key_id(sender, key.value), key.fingerprint)
        if isinstance(attempt, KeptAnswer):
            return attempt
        try:
            answer = await work(attempt.work_id, attempt.begun_at)
        except Exception as error:
            await self._end_without_answer(attempt, error)
            raise
        try:
            await self._keys.keep(attempt, answer)
        except StoreUnavailable as error:
            # The work is done all the same, and the next try will find it.
            log.warning("answer_not_kept", reason=error.reason)
        return answer

    async def _begin(self, key_id: UUID, fingerprint: str) -> Attempt | KeptAnswer:
        now = self._clock.store_now()
        begun = await self._keys.begin(key_id, fingerprint, self._lease, now=now)
        if not isinstance(begun, Held):
            return begun
        if now < begun.until and await self._processes.is_running(begun.lease):
            raise KeyInUse
        attempt = await self._keys.take_over(begun, self._lease, now=now)
        if attempt is None:
            raise KeyInUse
        return attempt

    async def _end_without_answer(self, attempt: Attempt, error: Exception) -> None:
        told = answer_to(error)
        has_made_nothing = told is not None and told.status < 500
        with contextlib.suppress(StoreUnavailable):
            if has_made_nothing:
                await self._keys.forget(attempt)
            else:
                await self._keys.let_go(attempt)
