"""Read events from the Redis stream `snb:events` (contract section 3).

An entry is done with once its event is durable, or is no event and lies with the rejected ones.
Until then it is held in Redis under the name of this process, so nothing of it is kept here, and
whatever goes wrong, the next round begins with what is held. Doing one again is harmless: its id is
known.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from uuid import UUID

import orjson
import structlog
from pykka import ActorDeadError

from actors.dispatcher import Dispatcher
from actors.loop_ref import DeadlineExceeded, LoopActorRef
from actors.mailbox import MailboxFull
from rules.backoff import doubled
from server.errors import ValidationFailed
from server.images import ImageRefused, Images
from server.intake import accept
from server.schemas.events import Event, load_event
from storage.client import StoreUnavailable
from storage.event_stream import Entry, EventStream, Rejected
from storage.image_objects import ImageStoreUnavailable
from storage.redis import RedisUnavailable

STREAM_SENDER = UUID("5e7d0000-0000-4000-8000-000000000001")
"""In whose name events of the stream are taken: there is no token to say it."""

ENTRIES_AT_ONCE = 500

ENTRY_LIMIT_BYTES = 1 << 20

CHECKED_A_TURN = 50
"""Events validated before the loop gets a turn: about 5 ms."""

WAIT_S = 1.0
"""How long one read waits for something to come."""

TAKE_OVER_EVERY_S = 15.0

GONE_AFTER_S = 60.0
"""A consumer that has had an entry for so long is gone, or does no better than others would."""

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 5.0
"""What is away is asked again within this."""

STOP_WITHIN_S = 3.0

log = structlog.get_logger(__name__)


class StreamReader:
    """Takes in what other services put on the stream."""

    def __init__(
        self,
        stream: EventStream,
        dispatcher: Callable[[], LoopActorRef[Dispatcher]],
        images: Images,
    ) -> None:
        self._stream = stream
        self._dispatcher = dispatcher
        self._images = images
        self._task: asyncio.Task[None] | None = None
        self._is_waiting = False
        self._is_stopping = False
        # What an earlier incarnation of this process held is held still.
        self._has_held = True
        self._look_for_abandoned_at = 0.0

    def keep_reading(self, stack: AsyncExitStack) -> None:
        """Read until `stack` is unwound."""
        self._task = asyncio.create_task(self._run(), name="stream reader")
        stack.push_async_callback(self.stop)

    async def stop(self) -> None:
        """Finish what is in hand, if it takes no longer than a moment, and leave the rest."""
        assert self._task is not None
        self._is_stopping = True
        if not self._is_waiting:
            await asyncio.wait([self._task], timeout=STOP_WITHIN_S)
        self._task.cancel()
        await asyncio.wait([self._task], timeout=STOP_WITHIN_S)
        try:
            await self._stream.leave()
        except RedisUnavailable as error:
            log.warning("stream_left_without_a_word", reason=error.reason)

    async def _run(self) -> None:
        failures = 0
        while not self._is_stopping:
            try:
                await self._round()
            except Exception as error:  # noqa: BLE001 (the boundary of a task: logged, tried again)
                self._has_held = True
                if failures == 0:
                    _warn(error)
                self._is_waiting = True
                await asyncio.sleep(
                    doubled(FIRST_DELAY_S, times=failures, longest_s=LONGEST_DELAY_S)
                )
                self._is_waiting = False
                failures += 1
            else:
                if failures:
                    log.info("stream_goes_on", failures=failures)
                failures = 0

    async def _round(self) -> None:
        """Take in some of what is held, or else some that is new."""
        if time.monotonic() >= self._look_for_abandoned_at:
            taken = await self._stream.take_over(idle_s=GONE_AFTER_S, limit=ENTRIES_AT_ONCE)
            self._has_held = self._has_held or taken > 0
            self._look_for_abandoned_at = time.monotonic() + TAKE_OVER_EVERY_S
        if self._has_held:
            entries = await self._stream.held(limit=ENTRIES_AT_ONCE)
            self._has_held = bool(entries)
        else:
            self._is_waiting = True
            entries = await self._stream.read(limit=ENTRIES_AT_ONCE, wait_s=WAIT_S)
            self._is_waiting = False
        if entries:
            await self._take_in(entries)

    async def _take_in(self, entries: Sequence[Entry]) -> None:
        events: list[Event] = []
        rejected: list[Rejected] = []
        for number, entry in enumerate(entries):
            try:
                # An entry that somebody deleted is done with, whatever it was.
                if entry.fields:
                    event = event_of(entry)
                    await self._images.admit(event.data.get("image_url"))
                    events.append(event)
            except ValidationFailed as error:
                rejected.append(Rejected(entry, _reason(error)))
            except ImageRefused as error:
                rejected.append(Rejected(entry, f"data.image_url: {error.problem}"))
            if number % CHECKED_A_TURN == CHECKED_A_TURN - 1:
                await asyncio.sleep(0)
        if events:
            await accept(self._dispatcher, STREAM_SENDER, events)
        if rejected:
            log.warning("stream_entries_rejected", count=len(rejected))
            await self._stream.reject(rejected)
        await self._stream.done(entries)


def event_of(entry: Entry) -> Event:
    """Return the event of an entry. Raises ValidationFailed."""
    text = entry.fields.get(b"event")
    if text is None:
        raise ValidationFailed({"event": ["Missing field of the entry."]})
    if len(text) > ENTRY_LIMIT_BYTES:
        raise ValidationFailed({"event": [f"Longer than {ENTRY_LIMIT_BYTES} bytes."]})
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValidationFailed({"event": [f"Not valid JSON: {error}"]}) from None
    return load_event(body)


def _reason(error: ValidationFailed) -> str:
    return "; ".join(
        f"{field}: {' '.join(messages)}" for field, messages in error.answer.details.items()
    )


def _warn(error: Exception) -> None:
    """Log once why the stream has to wait; a fault of ours with all there is to know of it."""
    match error:
        case RedisUnavailable() | StoreUnavailable():
            log.warning("stream_waits", cause=type(error).__name__, reason=error.reason)
        case ActorDeadError() | DeadlineExceeded() | MailboxFull() | ImageStoreUnavailable():
            log.warning("stream_waits", cause=type(error).__name__)
        case _:
            log.error("stream_waits", exc_info=error)
