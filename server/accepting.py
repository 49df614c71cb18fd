"""Accept connections a few at a time, so that many who come at once do not hold up who is here.

The rest waits in the kernel's queue (listen(2)), where it costs nothing. Each accepted one is a
handshake or a request soon after, so what is accepted in a turn of the loop bounds how long the
next turns take.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import Any

import structlog

ACCEPTED_AT_ONCE = 8
"""In a turn of the loop: about 5 ms of handshakes and greetings."""

PAUSE_S = 1.0
"""Before the next try when there is no file left for one more."""

OUT_OF_FILES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

log = structlog.get_logger(__name__)

Take = Callable[[socket.socket, Any], None]


class Acceptor:
    """Gives the connections that come to one listening socket to `take`, until it is stopped."""

    def __init__(self, listening: socket.socket, take: Take) -> None:
        self._listening = listening
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None
        self._listen()

    def stop(self) -> None:
        """Accept no more."""
        if self._pause is None:
            self._loop.remove_reader(self._listening)
        else:
            self._pause.cancel()

    def _listen(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listening, self._accept_some)

    def _accept_some(self) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                connection, address = self._listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in OUT_OF_FILES:
                    raise
                self._rest(error)
                return
            self._take(connection, address)

    def _rest(self, error: OSError) -> None:
        """Leave who comes in the kernel's queue for a while: trying at once would fail at once."""
        log.warning("cannot_accept", reason=error.strerror)
        self._loop.remove_reader(self._listening)
        self._pause = self._loop.call_later(PAUSE_S, self._listen)
