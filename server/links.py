"""Ask the server processes of the same machine by Unix sockets what the bus would carry to them.

    frame   length of the rest 4, and one way the number of the entry 8 behind which it is to
            answer, and questions, the other way answers (actors/questions.py)

Each process listens at a place of its own (server/link_places.py). A link is opened by the first
question for a process, which itself goes by the bus, as all do while there is none: to other
machines, to a process that has gone, and to one that takes nothing.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from contextvars import Context
from functools import partial
from pathlib import Path
from typing import Any, cast

import structlog

from actors.answering import Answering
from actors.elsewhere import Elsewhere
from actors.questions import Answer, Question, read_answers, read_questions
from config.settings import Settings
from server.link_places import LinkPlaces

FRAME_BYTES = 64 * 1024
"""More than any question and its answer take."""

UNSENT_BYTES = 256 * 1024
"""Of one link; over it the other side is too slow to be asked by it."""

OPEN_WITHIN_S = 1.0

TRY_AGAIN_AFTER_S = 5.0
"""After a link could not be opened, or was lost."""

FORMAT = "3"
"""Of the frames; processes of another do not meet."""

_LENGTH = struct.Struct(">I")
_HEAD = struct.Struct(">q")

log = structlog.get_logger(__name__)


class _Link(asyncio.Protocol):
    """One end of a link: frames, as long as they are taken."""

    def __init__(
        self, take: Callable[[_Link, bytes], None], on_lost: Callable[[_Link], None]
    ) -> None:
        self._take = take
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._unread = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # That of uvloop is one by what it does.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._on_lost(self)

    def data_received(self, data: bytes) -> None:
        """Hand on each frame that is whole."""
        self._unread += data
        try:
            while (frame := self._next()) is not None:
                self._take(self, frame)
        except (struct.error, ValueError):
            log.exception("link_not_understood")
            self.cut()

    @property
    def is_open(self) -> bool:
        """Whether frames may be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, payload: bytes) -> bool:
        """Write a frame; tell whether it is on its way."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return False
        if transport.get_write_buffer_size() > UNSENT_BYTES:
            return False
        transport.write(_LENGTH.pack(len(payload)) + payload)
        return True

    def close(self) -> None:
        """Close it once what is written has gone."""
        if self._transport is not None:
            self._transport.close()

    def cut(self) -> None:
        """Close it, whatever waits to be sent."""
        if self._transport is not None:
            self._transport.abort()

    def _next(self) -> bytes | None:
        if len(self._unread) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._unread)
        if length > FRAME_BYTES:
            raise ValueError(length)
        end = _LENGTH.size + length
        if len(self._unread) < end:
            return None
        frame = bytes(self._unread[_LENGTH.size : end])
        del self._unread[:end]
        return frame


class MachineLinks:
    """The links of one process; it satisfies `actors.links.Links`."""

    def __init__(self, directory: Path | None, service: str) -> None:
        """Take where the processes of `service`, by whatever name that has, find one another."""
        self._directory = directory
        self._service = service
        self._places: LinkPlaces | None = None
        self._links: dict[str, _Link | None] = {}
        """None for a process to which one is being opened, or cannot be for a while."""
        self._answering_to: set[_Link] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._elsewhere: Elsewhere | None = None
        self._answering: Answering | None = None

    @classmethod
    def of(cls, settings: Settings) -> MachineLinks:
        """Return those of a process with these settings, which has not begun yet."""
        stores = (settings.mongodb_uri, settings.mongodb_database, settings.redis_url)
        return cls(settings.links_dir, repr(stores))

    async def begin(
        self, process: str, elsewhere: Elsewhere, answering: Answering, stack: AsyncExitStack
    ) -> None:
        """Answer others, and have what they answer taken in.

        When `stack` is unwound nothing new is asked either way; `close` is for after that.
        """
        if self._directory is None:
            return
        try:
            places = LinkPlaces(self._directory, f"{FORMAT} {self._service}")
            stack.callback(places.close)
            server = await asyncio.get_running_loop().create_unix_server(
                self._accepted, str(places.of(process))
            )
        except OSError as error:
            # Some file systems have no sockets.
            log.warning("no_links", path=str(self._directory), reason=str(error))
            return
        self._elsewhere, self._answering, self._places = elsewhere, answering, places
        places.remove_former(process)
        stack.push_async_callback(self._stop_asking, server, places, process)

    async def close_after(self, end: Callable[[], Awaitable[Any]]) -> None:
        """Close the links when `end` is through, which has what was asked answered yet."""
        await end()
        self.close()

    def close(self) -> None:
        """Close the links by which others have asked, once they have what is written."""
        if self._answering is not None:
            self._answering.stop_waiting()
        for link in self._answering_to:
            link.close()

    def ask(self, process: str, question: Question, *, behind: int) -> bool:
        """Send a question to `process`; tell whether it is on its way."""
        if self._elsewhere is None or self._places is None:
            return False
        if process not in self._links:
            self._links[process] = None
            # Not in the context of the request that happens to be the first.
            opening = asyncio.create_task(
                self._open(process, self._places.of(process), self._elsewhere), context=Context()
            )
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)
        link = self._links[process]
        return link is not None and link.send(_HEAD.pack(behind) + question.packed())

    def has_died(self, process: str) -> bool:
        """Tell whether `process` was on this machine and is surely no more."""
        return self._places is not None and self._places.has_died(process)

    async def _open(self, process: str, place: Path, elsewhere: Elsewhere) -> None:
        link = _Link(partial(_take_answers, elsewhere), partial(self._lose, process))
        try:
            async with asyncio.timeout(OPEN_WITHIN_S):
                await asyncio.get_running_loop().create_unix_connection(lambda: link, str(place))
        except (OSError, TimeoutError):
            # On another machine, as a rule.
            self._forget_later(process)
            return
        if not link.is_open:
            self._forget_later(process)
            return
        self._links[process] = link
        log.info("link_opened", process=process)

    def _lose(self, process: str, link: _Link) -> None:
        if self._links.get(process) is not link:
            # It was given up before it was of use.
            return
        log.info("link_lost", process=process)
        self._forget_later(process)
        if self._elsewhere is not None:
            self._elsewhere.lose(process)

    def _forget_later(self, process: str) -> None:
        """Try anew after a while."""
        self._links[process] = None
        asyncio.get_running_loop().call_later(TRY_AGAIN_AFTER_S, self._links.pop, process, None)

    def _accepted(self) -> _Link:
        link = _Link(self._take_questions, self._answering_to.discard)
        self._answering_to.add(link)
        return link

    def _take_questions(self, link: _Link, frame: bytes) -> None:
        assert self._answering is not None
        (behind,) = _HEAD.unpack_from(frame)
        questions = list(read_questions(frame[_HEAD.size :]))
        give = partial(_give, link)
        if self._elsewhere is None:
            self._answering.refuse(questions, give)
        else:
            self._answering.answer_behind(behind, questions, give)

    async def _stop_asking(self, server: asyncio.Server, places: LinkPlaces, process: str) -> None:
        """Take and ask nothing more; what was asked is answered yet."""
        self._elsewhere = self._places = None
        # In this order: where nobody listens at a place, its process is taken to have died.
        places.remove(process)
        server.close()
        for opening in self._opening:
            opening.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        for link in self._links.values():
            if link is not None:
                link.cut()


def _take_answers(elsewhere: Elsewhere, _link: _Link, frame: bytes) -> None:
    for answer in read_answers(frame):
        elsewhere.take(answer)


def _give(link: _Link, answer: Answer) -> None:
    if not link.send(answer.packed()):
        # Whoever asked finds out, and need not wait.
        link.cut()
