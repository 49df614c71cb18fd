"""A WebSocket client that waits for what it expects, with a deadline."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

WITHIN_S = 30.0


class Socket:
    """One connection of a client."""

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self._connection = connection

    @classmethod
    async def open(
        cls,
        base_url: str,
        *,
        path: str = "/ws/notifications/",
        headers: dict[str, str] | None = None,
        subprotocols: list[str] | None = None,
    ) -> Socket:
        """Connect and send nothing."""
        url = base_url.replace("http", "ws", 1) + path
        request = HTTPRequest(url, headers=headers or {})
        return cls(await websocket_connect(request, subprotocols=subprotocols))

    @classmethod
    async def authenticated(cls, base_url: str, token: str) -> Socket:
        """Connect and authenticate by the first message."""
        socket = await cls.open(base_url)
        await socket.send(type="authenticate", token=token)
        await socket.expect("authentication_success")
        return socket

    @property
    def subprotocol(self) -> str | None:
        """What the server chose."""
        return self._connection.selected_subprotocol

    async def send(self, **message: Any) -> None:
        """Send a message; UUIDs may be given as such."""
        await self.send_text(json.dumps(message, default=str))

    async def send_text(self, text: str) -> None:
        """Send any text."""
        await self._connection.write_message(text)

    async def next(self) -> dict[str, Any]:
        """Return the next frame."""
        async with asyncio.timeout(WITHIN_S):
            text = await self._connection.read_message()
        assert text is not None, f"closed: {self.close_code} {self._connection.close_reason}"
        frame: dict[str, Any] = json.loads(text)
        return frame

    async def expect(self, kind: str) -> dict[str, Any]:
        """Return the next frame, which has to be a `kind`."""
        frame = await self.next()
        assert frame["type"] == kind, frame
        return frame

    async def nothing_more(self) -> None:
        """Assert that nothing was on its way: an answer of the user's actor is the next frame."""
        nobodys = str(uuid4())
        await self.send(type="mark_read", notification_ids=[nobodys], ref="nothing more")
        frame = await self.next()
        assert frame.get("ref") == "nothing more", frame

    async def ponged(self) -> None:
        """Assert that nothing came before the answer to a ping."""
        await self.send(type="ping", ref="ponged")
        assert await self.next() == {"type": "pong", "ref": "ponged"}

    async def notified(self) -> dict[str, Any]:
        """Return the data of the next frame, a `notification.new`."""
        data: dict[str, Any] = (await self.expect("notification.new"))["data"]
        return data

    async def sync(self, since: UUID | str | None, **options: Any) -> dict[str, Any]:
        """Return the data of the answer to `sync`."""
        await self.send(type="sync", since=since, **options)
        data: dict[str, Any] = (await self.expect("notifications.sync"))["data"]
        return data

    async def closed(self) -> int | None:
        """Wait for the server to close, passing over no frame; return the close code."""
        async with asyncio.timeout(WITHIN_S):
            text = await self._connection.read_message()
        assert text is None, text
        self._connection.close()
        return self.close_code

    @property
    def close_code(self) -> int | None:
        """The code with which the server closed."""
        return self._connection.close_code

    def close(self) -> None:
        """Close from this side."""
        self._connection.close()

    def cut(self) -> None:
        """Drop the connection without a word."""
        self._connection.protocol.stream.close()  # type: ignore[union-attr]
        self._connection.close()
