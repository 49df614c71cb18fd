"""The socket (contract section 4): authenticate, hand over to the user's actor, write frames.

    connecting -> open -> authenticated -> closed
                   └── no token in time, a bad one, somebody else's inbox -> closed

Nothing but the answer to the authentication is sent before it succeeded. What is no handshake
does not come here (server/handshake.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import struct
import time
from typing import Any
from uuid import UUID, uuid4

import structlog
from tornado.iostream import IOStream, StreamClosedError
from tornado.websocket import WebSocketProtocol13

from actors import frames, messages
from actors.connection import CloseCode
from actors.frames import Ref
from server.auth import INBOX_OWNERS, InvalidToken, KeysUnavailable, Principal, bearer_token
from server.errors import (
    ApiError,
    PermissionDenied,
    Unauthenticated,
    answer_to,
    internal_error,
)
from server.handlers.base import UUID_PATTERN
from server.handshake import HandshakeHandler
from server.schemas.frames import load_message, ref_of
from server.service import Service

AUTHENTICATE_WITHIN_S = 10.0

SEND_BUFFER_BYTES = 256 * 1024
"""Unsent bytes of one connection, but for a longer frame; over it the reader is too slow."""

KERNEL_BUFFER_BYTES = 128 * 1024
"""The kernel's share; without it megabytes go to a reader who reads nothing."""

RECONNECT_FROM_MS, RECONNECT_TO_MS = 200, 5_000
"""When clients of a server that stops come back: spread, so that they do not come at once."""

REPLY_DEADLINE_S = 10.0

SUBPROTOCOL = "bearer"

LONGEST_TIMER_S = 30 * 24 * 3_600.0
"""A token that expires later than this outlives any connection."""

log = structlog.get_logger(__name__)


class NotificationSocket(HandshakeHandler):
    """One connection. It satisfies `actors.connection.Connection`."""

    def initialize(self, service: Service) -> None:
        """Take the service that `server/app.py` passes with each route."""
        super().initialize(service)
        self._principal: Principal | None = None
        self._path_id: UUID | None = None
        self._timer: asyncio.TimerHandle | None = None

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Take `bearer`; the token that follows it is never repeated to the client."""
        return SUBPROTOCOL if SUBPROTOCOL in subprotocols else None

    async def open(self, *args: str, **kwargs: str) -> None:
        """Authenticate by the handshake when it carries a token, or wait for the first message."""
        self.set_nodelay(True)
        self._stream().socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER_BYTES)
        self._path_id = UUID(args[0]) if args and args[0] else None
        try:
            token = self._handshake_token()
        except InvalidToken as error:
            self._refuse(Unauthenticated(error.reason), CloseCode.UNAUTHORIZED, None)
            return
        if token is not None:
            await self._authenticate(token, None)
        else:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(
                AUTHENTICATE_WITHIN_S, self.close, CloseCode.AUTHENTICATION_TIMEOUT
            )

    async def on_message(self, message: str | bytes) -> None:
        """Handle one message; the next is read from the socket when this one is done."""
        if self._is_closing():
            return
        try:
            loaded = load_message(message)
            if self._principal is None:
                await self._first_message(loaded)
            else:
                await self._handle(self._principal, loaded)
        except Exception as error:  # noqa: BLE001 (the boundary of a message, as of a request)
            self._answer_failure(error, ref_of(message))

    def on_close(self) -> None:
        """Tell the user's actor."""
        self._stop_timer()
        if self._principal is not None:
            self.service.directory.detach(self._principal.user_id, self)

    def send(self, frame: bytes) -> None:
        """Write one text frame, at once; a reader who is too slow for it is closed.

        Given to the stream directly: `write_message` starts an asyncio task for each frame,
        which is a quarter of what a fan-out costs (8,000 sockets, 33 against 25 us a frame).
        """
        if self._is_closing():
            return
        stream = self._stream()
        unsent_bytes = _unsent_bytes(stream)
        # Who has taken all that came before is not slow, however long an answer to `sync` is.
        if unsent_bytes and unsent_bytes + len(frame) > SEND_BUFFER_BYTES:
            log.info("slow_reader", user_id=self._principal and str(self._principal.user_id))
            self.close(CloseCode.SLOW_READER)
            return
        with contextlib.suppress(StreamClosedError):
            stream.write(_text_frame(frame))

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """End the connection; nothing is sent after it, and it is cut five seconds later."""
        self._stop_timer()
        if code == CloseCode.SERVER_RESTARTING:
            wait_ms = random.randint(RECONNECT_FROM_MS, RECONNECT_TO_MS)  # noqa: S311 (jitter)
            reason = json.dumps({"reconnect_after_ms": wait_ms})
        super().close(code, reason)

    def _handshake_token(self) -> str | None:
        token = bearer_token(self.request.headers.get("Authorization"))
        if token is not None:
            return token
        offered = self.request.headers.get("Sec-WebSocket-Protocol", "")
        protocols = [protocol.strip() for protocol in offered.split(",")]
        if SUBPROTOCOL not in protocols:
            return None
        following = protocols[protocols.index(SUBPROTOCOL) + 1 :]
        if not following:
            raise InvalidToken("the subprotocol bearer is not followed by a token")
        return following[0]

    async def _first_message(self, message: dict[str, Any]) -> None:
        if message["type"] != "authenticate":
            refusal = Unauthenticated("The first message must be authenticate")
            self._refuse(refusal, CloseCode.UNAUTHORIZED, message["ref"])
            return
        await self._authenticate(message["token"], message["ref"])

    async def _authenticate(self, token: str, ref: Ref) -> None:
        self._stop_timer()
        try:
            principal = await self.service.tokens.verify(token)
        except InvalidToken as error:
            self._refuse(Unauthenticated(error.reason), CloseCode.UNAUTHORIZED, ref)
            return
        except KeysUnavailable as error:
            # Not 4401, at which a client would sign its user out: it may come back.
            self.send(frames.authentication_failed(_told_of(error), ref))
            self.close(CloseCode.INTERNAL_ERROR)
            return
        if self._is_closing():
            return
        is_own = self._path_id is None or self._path_id == principal.user_id
        if not is_own or principal.user_type not in INBOX_OWNERS:
            self._refuse(PermissionDenied(), CloseCode.PERMISSION_DENIED, ref)
            return
        self._admit(principal)
        try:
            await self.service.directory.attach(principal.user_id, self, ref)
        except Exception as error:  # noqa: BLE001 (the boundary of a message, as of a request)
            self.send(frames.authentication_failed(_told_of(error), ref))
            self.close(CloseCode.INTERNAL_ERROR)

    async def _handle(self, principal: Principal, message: dict[str, Any]) -> None:
        ref: Ref = message["ref"]
        asked: object
        match message["type"]:
            case "ping":
                self.send(frames.pong(ref))
                return
            case "mark_read":
                ids = tuple(dict.fromkeys(message["notification_ids"]))
                asked = messages.MarkRead(ids, self, ref)
            case "mark_all_read":
                asked = messages.MarkAllRead(self, ref)
            case "click":
                asked = messages.Click(message["notification_id"], message["action"], self, ref)
            case "sync":
                asked = messages.Sync(self, message["since"], message["limit"], ref)
            case _:
                await self._authenticate_again(principal, message["token"], ref)
                return
        actor = self.service.directory.find(principal.user_id)
        if actor is not None:
            await actor.request(asked, deadline_s=REPLY_DEADLINE_S)

    async def _authenticate_again(self, principal: Principal, token: str, ref: Ref) -> None:
        """Take a fresh token of the same user in place of the one that is about to expire."""
        try:
            renewed = await self.service.tokens.verify(token)
        except InvalidToken as error:
            self._refuse(Unauthenticated(error.reason), CloseCode.UNAUTHORIZED, ref)
            return
        if renewed.user_id != principal.user_id or renewed.user_type not in INBOX_OWNERS:
            self._refuse(PermissionDenied(), CloseCode.PERMISSION_DENIED, ref)
            return
        self._stop_timer()
        unread_count = await self.service.inbox.unread_count(principal.user_id)
        if self._is_closing():
            return
        self._admit(renewed)
        self.send(frames.authentication_success(principal.user_id, unread_count, ref))

    def _admit(self, principal: Principal) -> None:
        """Let `principal` in until the token expires."""
        self._stop_timer()
        self._principal = principal
        valid_for_s = max(0.0, principal.expires_at_s - time.time())
        if valid_for_s < LONGEST_TIMER_S:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(valid_for_s, self.close, CloseCode.UNAUTHORIZED)

    def _refuse(self, refusal: ApiError, code: CloseCode, ref: Ref) -> None:
        """Say why, and end the connection."""
        self.send(frames.authentication_failed(refusal.answer.body(), ref))
        self.close(code)

    def _answer_failure(self, error: Exception, ref: Ref) -> None:
        """Answer a message that failed; the connection stays open."""
        told = _told_of(error)
        if self._principal is None:
            self.send(frames.authentication_failed(told, ref))
            self.close(CloseCode.UNAUTHORIZED)
        else:
            self.send(frames.client_error(told, ref))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_closing(self) -> bool:
        connection = self.ws_connection
        return connection is None or connection.is_closing()

    def _stream(self) -> IOStream:
        """Return the connection's stream; Tornado keeps it where only its own code looks."""
        connection = self.ws_connection
        assert isinstance(connection, WebSocketProtocol13)
        return connection.stream


def _unsent_bytes(stream: IOStream) -> int:
    """Return what waits in `stream`; a limit of Tornado's own would fail its pings as well."""
    return len(stream._write_buffer)  # noqa: SLF001 (there is no public way)


def _told_of(error: Exception) -> dict[str, Any]:
    """Return what a client is told of `error`, and log it when it is a fault of ours."""
    answer = answer_to(error)
    if answer is None:
        request_id = str(uuid4())
        log.error("message_failed", request_id=request_id, exc_info=error)
        answer = internal_error(request_id)
    return answer.body()


def _text_frame(payload: bytes) -> bytes:
    """Return an unfragmented, unmasked text frame (RFC 6455 §5.2)."""
    length = len(payload)
    if length < 126:
        return struct.pack("!BB", 0x81, length) + payload
    if length < 65_536:
        return struct.pack("!BBH", 0x81, 126, length) + payload
    return struct.pack("!BBQ", 0x81, 127, length) + payload


ROUTES = [
    (r"/ws/notifications/?", NotificationSocket),
    (rf"/ws/notifications/{UUID_PATTERN}/?", NotificationSocket),
]
