"""The socket (contract section 4): authenticate, hand over to the user's actor, take messages.

    connecting -> open -> authenticated -> closed
                   └── no token in time, a bad one, somebody else's inbox -> closed

Nothing but the answer to the authentication is sent before it succeeded. What is no handshake
does not come here (server/handshake.py); frames and their bounds are server/transport.py.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import UUID, uuid4

import structlog

from actors import frames, messages
from actors.connection import CloseCode
from actors.frames import Ref
from rules.message_rate import MessageRate
from server.auth import INBOX_OWNERS, InvalidToken, Principal, bearer_token
from server.error_table import answer_to, close_code_of, internal_error
from server.errors import ErrorAnswer, PermissionDenied, Unauthenticated
from server.handlers.base import UUID_PATTERN
from server.schemas.frames import load_message, ref_of
from server.service import Service
from server.transport import Transport

REPLY_DEADLINE_S = 10.0

SUBPROTOCOL = "bearer"

LONGEST_TIMER_S = 30 * 24 * 3_600.0
"""A token that expires later than this outlives any connection."""

log = structlog.get_logger(__name__)


class NotificationSocket(Transport):
    """One connection and whose it is."""

    def initialize(self, service: Service) -> None:
        """Take the service that `server/app.py` passes with each route."""
        super().initialize(service)
        self._principal: Principal | None = None
        self._path_id: UUID | None = None
        self._timer: asyncio.TimerHandle | None = None
        limit = service.hub.limits.messages_per_minute
        self._rate = MessageRate(limit) if limit is not None else None

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Take `bearer`; the token that follows it is never repeated to the client."""
        return SUBPROTOCOL if SUBPROTOCOL in subprotocols else None

    async def open(self, *args: str, **kwargs: str) -> None:
        """Authenticate by the handshake when it carries a token, or wait for the first message."""
        await super().open(*args, **kwargs)
        self._path_id = UUID(args[0]) if args and args[0] else None
        try:
            token = self._handshake_token()
            self.forget_handshake()
            if token is not None:
                await self._authenticate(token, None)
                return
        except Exception as error:  # noqa: BLE001 (the boundary of a message, as of a request)
            self._refuse(error, None)
            return
        within_s = self.service.hub.limits.authenticate_within_s
        self._timer = asyncio.get_running_loop().call_later(
            within_s, self.close, CloseCode.AUTHENTICATION_TIMEOUT
        )

    async def on_message(self, message: str | bytes) -> None:
        """Handle one message; the next is read from the socket when this one is done."""
        if self.is_closing:
            return
        self.heard()
        now_s = asyncio.get_running_loop().time()
        if self._rate is not None and not self._rate.admits(now_s=now_s):
            self.close(CloseCode.TOO_MANY_MESSAGES)
            return
        try:
            loaded = load_message(message)
            if self._principal is None:
                await self._first_message(loaded)
            else:
                await self._handle(self._principal, loaded)
        except Exception as error:  # noqa: BLE001 (the boundary of a message, as of a request)
            if self._principal is None:
                self._refuse(error, ref_of(message))
            else:
                self.send(frames.client_error(_answer_to(error).body(), ref_of(message)))

    def on_close(self) -> None:
        """Leave, and tell the user's actor."""
        super().on_close()
        self._leave()

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """End the connection; it is no longer one of the user's, however long it takes."""
        super().close(code, reason)
        self._leave()

    def cut(self, why: str | None) -> None:
        """End the connection without a word; a message that is being handled holds up nothing."""
        super().cut(why)
        self._leave()

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
            raise Unauthenticated("The first message must be authenticate")
        await self._authenticate(message["token"], message["ref"])

    async def _authenticate(self, token: str, ref: Ref) -> None:
        self._stop_timer()
        principal = await self._verify(token)
        if self.is_closing:
            return
        self._admit(principal)
        try:
            await self._be_let_in(principal, ref)
        except Exception as error:  # noqa: BLE001 (the boundary of a message, as of a request)
            self._refuse(error, ref)

    async def _be_let_in(self, principal: Principal, ref: Ref) -> None:
        """Wait for a turn, and join those of the user's connections that are here."""
        async with self.service.arrivals.turn(principal.user_id):
            # Who has gone meanwhile takes nobody's time.
            if not self.is_closing:
                await self.service.directory.attach(principal.user_id, self, ref)

    async def _verify(self, token: str) -> Principal:
        """Return whose token this is, who must be the one that this connection is, or may be, of.

        Raises InvalidToken, PermissionDenied, KeysUnavailable.
        """
        try:
            principal = await self.service.tokens.verify(token)
        except InvalidToken:
            await self.service.rate_limits.count_failed_authentication(self.address)
            raise
        owner_id = self._principal.user_id if self._principal is not None else self._path_id
        is_own = owner_id is None or owner_id == principal.user_id
        if not is_own or principal.user_type not in INBOX_OWNERS:
            raise PermissionDenied
        return principal

    async def _handle(self, principal: Principal, message: dict[str, Any]) -> None:
        self.service.activity.note(principal)
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
        # A fresh one has come in time, however long it takes to find out what it is worth.
        self._stop_timer()
        try:
            renewed = await self._verify(token)
        except (InvalidToken, PermissionDenied) as error:
            self._refuse(error, ref)
            return
        except Exception:
            self._admit(principal)
            raise
        self._admit(renewed)
        unread_count = await self.service.inbox.unread_count(principal.user_id)
        self.send(frames.authentication_success(principal.user_id, unread_count, ref))

    def _admit(self, principal: Principal) -> None:
        """Let `principal` in until the token expires."""
        self._stop_timer()
        if self.is_closing:
            return
        self._principal = principal
        self.service.activity.note(principal)
        valid_for_s = max(0.0, principal.expires_at_s - time.time())
        if valid_for_s < LONGEST_TIMER_S:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(valid_for_s, self.close, CloseCode.UNAUTHORIZED)

    def _refuse(self, error: Exception, ref: Ref) -> None:
        """Say why an authentication failed, and end the connection.

        Every failed one comes here, first or repeated, for whatever reason.
        """
        answer = _answer_to(error)
        self.send(frames.authentication_failed(answer.body(), ref))
        self.close(close_code_of(answer))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _leave(self) -> None:
        self._stop_timer()
        if self._principal is not None:
            self.service.directory.detach(self._principal.user_id, self)

    def _about(self) -> dict[str, object]:
        user_id = self._principal.user_id if self._principal is not None else None
        return {**super()._about(), "user_id": user_id and str(user_id)}


def _answer_to(error: Exception) -> ErrorAnswer:
    """Return what a client is told of `error`, and log it when it is a fault of ours."""
    answer = answer_to(error)
    if answer is None:
        request_id = str(uuid4())
        log.error("message_failed", request_id=request_id, exc_info=error)
        answer = internal_error(request_id)
    return answer


ROUTES = [
    (r"/ws/notifications/?", NotificationSocket),
    (rf"/ws/notifications/{UUID_PATTERN}/?", NotificationSocket),
]
