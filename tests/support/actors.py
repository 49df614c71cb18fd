"""Stand-ins that record, for what an actor talks to."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from actors.connection import CloseCode
from storage.client import StoreUnavailable


class RecordingConnection:
    """A connection that keeps what is sent on it."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.closed_with: CloseCode | None = None

    def send(self, frame: bytes) -> None:
        """Keep the frame."""
        self.frames.append(json.loads(frame))

    def close(self, code: CloseCode) -> None:
        """Keep the code."""
        self.closed_with = code

    @property
    def types(self) -> list[str]:
        """The types of the frames, in order."""
        return [frame["type"] for frame in self.frames]


class Away:
    """A repository whose store is away: every call raises StoreUnavailable."""

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*_: Any, **__: Any) -> Any:
            raise StoreUnavailable("away")

        return call


class RecordingQueue:
    """A job queue that keeps what is put on it."""

    def __init__(self) -> None:
        self.refs: list[Any] = []

    def enqueue(self, refs: Any) -> int:
        """Keep the refs."""
        self.refs += refs
        return len(refs)
