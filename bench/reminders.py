"""Somebody who is sent what is critical again and again, and how long it takes to come.

A client process posts to one user and holds that user's socket. It posts by the clock, whatever
became of what was posted before. Where the server is gone it goes on trying; a reminder that was
under way then is left out, and counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, TypeAlias
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
MOST_UNDER_WAY = 300
GONE = (OSError, HTTPError, HTTPStreamClosedError, WebSocketClosedError, TimeoutError)

Arrivals: TypeAlias = defaultdict[str, "asyncio.Future[float]"]
"""Notification id -> when its frame came, whether or not the answer to its post is here yet."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Remind the user of `bearer` from now on, in the name of `platform`."""

    base_url: str
    platform: str
    recipient_id: UUID
    bearer: str
    every_s: float = EVERY_S


@dataclass(frozen=True, slots=True)
class End:
    """Send no more, and tell how it was when all that is under way has come."""


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
        self._is_over = asyncio.Event()
        self._reminded = Reminded()

    async def __call__(self, request: Any) -> Any:
        """Do what `request` says."""
        match request:
            case Begin():
                self._reminded = Reminded()
                self._is_over.clear()
                self._task = asyncio.create_task(self._remind(request))
            case End():
                assert self._task is not None
                self._is_over.set()
                await self._task
                return self._reminded
        return None

    async def _remind(self, whom: Begin) -> None:
        AsyncHTTPClient.configure(None, max_clients=MOST_UNDER_WAY)
        while not self._is_over.is_set():
            with contextlib.suppress(*GONE):
                await self._as_long_as_it_lasts(whom)
                continue
            await asyncio.sleep(whom.every_s)

    async def _as_long_as_it_lasts(self, whom: Begin) -> None:
        socket = await websocket_connect(
            HTTPRequest(
                f"ws{whom.base_url.removeprefix('http')}/ws/notifications/",
                headers={"Authorization": f"Bearer {whom.bearer}"},
            )
        )
        await _caught_up(socket)
        loop = asyncio.get_running_loop()
        arrivals: Arrivals = defaultdict(loop.create_future)
        reading = asyncio.create_task(_read(socket, arrivals))
        sending: set[asyncio.Task[None]] = set()
        due_s = time.monotonic()
        try:
            while not reading.done() and not self._is_over.is_set():
                sent = asyncio.create_task(self._once(whom, arrivals))
                sending.add(sent)
                sent.add_done_callback(sending.discard)
                due_s += whom.every_s
                await asyncio.wait({reading}, timeout=max(0.0, due_s - time.monotonic()))
            while sending and not reading.done():
                await asyncio.wait({reading, *sending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            socket.close()
            for task in (reading, *sending):
                task.cancel()
            await asyncio.gather(reading, *sending, return_exceptions=True)

    async def _once(self, whom: Begin, arrivals: Arrivals) -> None:
        """Send one, and note when its frame is here."""
        began_s = time.monotonic()
        try:
            async with asyncio.timeout(COMES_WITHIN_S):
                arrived_s = await arrivals[await _posted(whom)]
        except GONE:
            self._reminded.cut_off += 1
            return
        except asyncio.CancelledError:
            self._reminded.cut_off += 1
            raise
        self._reminded.after_s.append(arrived_s - began_s)


async def _caught_up(socket: WebSocketClientConnection) -> None:
    """Sync, as clients do: until then what is announced is held for a while."""
    await socket.write_message('{"type": "sync", "since": null, "limit": 500}')
    while json.loads(await socket.read_message() or "{}").get("type") != "notifications.sync":
        if socket.close_code is not None:
            raise WebSocketClosedError


async def _posted(whom: Begin) -> str:
    """Send one and return its id."""
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
    notification_id: str = json.loads(sent.body)["id"]
    return notification_id


async def _read(socket: WebSocketClientConnection, arrivals: Arrivals) -> None:
    """Note when each notification comes, until the connection ends."""
    while (frame := await socket.read_message()) is not None:
        notification_id = json.loads(frame).get("data", {}).get("notification_id")
        if notification_id is not None and not arrivals[notification_id].done():
            arrivals[notification_id].set_result(time.monotonic())
