"""Somebody who is sent what is critical every second, and how long it takes to come.

A client process posts to one user and holds that user's socket. Where the server is gone it goes on
trying; a reminder that was under way then is left out, and counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tornado.httpclient import AsyncHTTPClient, HTTPError, HTTPRequest
from tornado.simple_httpclient import HTTPStreamClosedError
from tornado.websocket import (
    WebSocketClientConnection,
    WebSocketClosedError,
    websocket_connect,
)

EVERY_S = 1.0
COMES_WITHIN_S = 60.0
GONE = (OSError, HTTPError, HTTPStreamClosedError, WebSocketClosedError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Begin:
    """Remind the user of `bearer` from now on, in the name of `platform`."""

    base_url: str
    platform: str
    recipient_id: UUID
    bearer: str


@dataclass(frozen=True, slots=True)
class End:
    """Stop, and tell how it was."""


@dataclass(slots=True)
class Reminded:
    """What became of the reminders."""

    after_s: list[float] = field(default_factory=list)
    """From the post to the frame."""

    cut_off: int = 0
    """The server went while they were under way, or was not there."""


class Reminders:
    """What the client process does."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._reminded = Reminded()

    async def __call__(self, request: Any) -> Any:
        """Do what `request` says."""
        match request:
            case Begin():
                self._task = asyncio.create_task(self._remind(request))
            case End():
                assert self._task is not None
                self._task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._task
                return self._reminded
        return None

    async def _remind(self, whom: Begin) -> None:
        while True:
            try:
                await self._as_long_as_it_lasts(whom)
            except GONE:
                self._reminded.cut_off += 1
                await asyncio.sleep(EVERY_S)

    async def _as_long_as_it_lasts(self, whom: Begin) -> None:
        socket = await websocket_connect(
            HTTPRequest(
                f"ws{whom.base_url.removeprefix('http')}/ws/notifications/",
                headers={"Authorization": f"Bearer {whom.bearer}"},
            )
        )
        try:
            while True:
                began_s = time.monotonic()
                async with asyncio.timeout(COMES_WITHIN_S):
                    await self._once(whom, socket)
                self._reminded.after_s.append(time.monotonic() - began_s)
                await asyncio.sleep(max(0.0, began_s + EVERY_S - time.monotonic()))
        finally:
            socket.close()

    async def _once(self, whom: Begin, socket: WebSocketClientConnection) -> None:
        """Send one and return when its frame is here."""
        sent = await AsyncHTTPClient().fetch(
            HTTPRequest(
                f"{whom.base_url}/api/notifications/",
                method="POST",
                headers={
                    "Authorization": f"Bearer {whom.platform}",
                    "Content-Type": "application/json",
                },
                body=json.dumps(
                    {
                        "recipient_id": str(whom.recipient_id),
                        "notification_type": "pickup_reminder",
                        "title": "Pickup in one hour",
                        "message": "Your order waits for you.",
                        "priority": "critical",
                        "channels": ["in_app"],
                    }
                ),
                request_timeout=COMES_WITHIN_S,
            )
        )
        wanted = json.loads(sent.body)["id"]
        while True:
            frame = await socket.read_message()
            if frame is None:
                raise WebSocketClosedError
            message = json.loads(frame)
            if message.get("data", {}).get("notification_id") == wanted:
                return
