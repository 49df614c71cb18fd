"""A client as the contract describes one: it reconnects with `sync` and drops repeats by id."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from tornado.httpclient import HTTPError
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClientConnection, WebSocketError, websocket_connect

RECONNECT_AFTER_S = 0.02


class Client:
    """Keeps every notification it is told of once, whatever happens to its connections."""

    def __init__(self, base_url: str, token: str) -> None:
        self.base_url = base_url
        self._token = token
        self.seen: dict[str, str] = {}
        """Notification id -> created_at."""
        self.announced_again: list[str] = []
        """Ids announced on a socket that had them already, by an announcement or a sync."""
        self.last_unread_count: int | None = None
        self._last: str | None = None
        self._connection: WebSocketClientConnection | None = None
        self._task = asyncio.create_task(self._run())

    def in_order(self) -> list[str]:
        """Return the ids by position, oldest first."""
        return sorted(self.seen, key=lambda id_: (self.seen[id_], id_))

    def cut(self) -> None:
        """Cut the connection, if there is one just now, without a word."""
        if self._connection is not None and self._connection.protocol is not None:
            self._connection.protocol.stream.close()  # type: ignore[union-attr]

    async def stop(self) -> None:
        """Stop for good."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            try:
                await self._connect_and_read()
            except (OSError, HTTPError, StreamClosedError, WebSocketError):
                pass
            finally:
                if self._connection is not None:
                    self._connection.close()
            await asyncio.sleep(RECONNECT_AFTER_S)

    async def _connect_and_read(self) -> None:
        url = self.base_url.replace("http", "ws", 1) + "/ws/notifications/"
        connecting = asyncio.ensure_future(websocket_connect(url))
        try:
            self._connection = await asyncio.shield(connecting)
        except asyncio.CancelledError:
            with suppress(OSError, HTTPError, StreamClosedError, WebSocketError):
                (await connecting).close()
            raise
        on_this_socket: set[str] = set()
        await self._send(type="authenticate", token=self._token)
        while (text := await self._connection.read_message()) is not None:
            frame = json.loads(text)
            match frame["type"]:
                case "authentication_success":
                    await self._send(type="sync", since=self._last, limit=500)
                case "notification.new":
                    if frame["data"]["notification_id"] in on_this_socket:
                        self.announced_again.append(frame["data"]["notification_id"])
                    self._take(frame["data"], on_this_socket)
                case "notifications.sync":
                    for notification in frame["data"]["notifications"]:
                        self._take(notification, on_this_socket)
            data = frame.get("data", frame)
            self.last_unread_count = data.get("unread_count", self.last_unread_count)

    def _take(self, notification: dict[str, Any], on_this_socket: set[str]) -> None:
        id_ = notification["notification_id"]
        on_this_socket.add(id_)
        self.seen.setdefault(id_, notification["created_at"])
        self._last = id_

    async def _send(self, **message: Any) -> None:
        assert self._connection is not None
        await self._connection.write_message(json.dumps(message))
