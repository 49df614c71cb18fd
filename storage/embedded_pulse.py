"""Whether a store on this machine answers: asked by a launcher, which never waits for it."""

from __future__ import annotations

import socket
from collections.abc import Callable

CONNECT_TIMEOUT_S = 0.1
"""The kernel accepts for a program that does not; only where its backlog is full one would wait."""
CHUNK_BYTES = 65_536


class Pulse:
    """A question to whoever has a port of this machine, put again once it was answered.

    By hand, because a client would leave threads behind in a launcher that forks.
    """

    def __init__(self, port: int, question: bytes, is_whole: Callable[[bytes], bool]) -> None:
        self._port = port
        self._question = question
        self._is_whole = is_whole
        self._connection: socket.socket | None = None
        self._received = b""
        self.answer = b""
        """The last whole one."""

    def beats(self, *, within_s: float = 0.0) -> bool:
        """Ask, unless that was done before, and return whether the answer is here.

        Who cannot be reached or hangs up has not answered, and is asked anew the next time.
        """
        try:
            connection = self._connection or self._ask()
            return self._is_answered(connection, within_s)
        except OSError:
            self.close()
            return False

    def close(self) -> None:
        """Wait for an answer no longer; nothing happens when none is due."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._received = b""

    def _ask(self) -> socket.socket:
        address = ("127.0.0.1", self._port)
        self._connection = socket.create_connection(address, CONNECT_TIMEOUT_S)
        self._connection.sendall(self._question)
        return self._connection

    def _is_answered(self, connection: socket.socket, within_s: float) -> bool:
        connection.settimeout(within_s)
        try:
            chunk = connection.recv(CHUNK_BYTES)
        except (BlockingIOError, TimeoutError):
            return False
        if not chunk:
            raise ConnectionResetError
        self._received += chunk
        if not self._is_whole(self._received):
            return False
        self.answer = self._received
        self.close()
        return True
