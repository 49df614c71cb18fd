"""Stand-ins that record, for what an actor talks to."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from actors.cap_gate import CapGate
from actors.connection import CloseCode
from actors.directory import UserRef
from actors.elsewhere import Elsewhere
from actors.peers import Peers
from actors.recounter import Recounter, SharedRecounts
from actors.user import UserActor
from config.daily_caps import NO_DAILY_CAPS
from storage.client import StoreUnavailable
from storage.names import NameResolver
from storage.positions import PositionClock
from storage.stores import Stores

ENDED_WITHIN_S = 30.0


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


class RecordingBus:
    """A bus that keeps what is to cross, and whom it was to register."""

    def __init__(self) -> None:
        self.registered: list[UUID] = []
        self.elsewhere: set[UUID] = set()
        self.looked_for: list[UUID] = []
        self.sent: list[Any] = []
        self.announced: list[Any] = []
        self.on_announce: Callable[[], None] = lambda: None
        self.is_in_order = True
        self.is_alone = True
        self.caught_up: int | None = 1

    async def register(self, user_id: UUID) -> None:
        """Keep the user."""
        self.registered.append(user_id)

    async def connected(self, user_ids: Any) -> set[UUID]:
        """Tell who of them is said to be elsewhere."""
        self.looked_for += user_ids
        return self.elsewhere.intersection(user_ids)

    def send(self, parcel: Any) -> None:
        """Keep the parcel."""
        self.sent.append(parcel)

    async def announce(self, announcements: Any) -> bool:
        """Keep the announcements."""
        self.on_announce()
        self.announced += announcements
        return self.is_in_order


def nobody_elsewhere() -> Elsewhere:
    """Return the other processes of one that is alone."""
    clock = PositionClock()

    def no_carrier() -> Any:
        raise AssertionError("there is nobody to ask")

    return Elsewhere(Peers(clock.store_now()), clock, no_carrier)


def recounts_of(notifications: Any, unread_counts: Any) -> SharedRecounts:
    """Return what counts by a recounter of its own."""
    recounter = Recounter.start(notifications, unread_counts)
    return SharedRecounts(lambda: recounter)


class UserActors:
    """Starts users' actors, and knows them all."""

    def __init__(
        self,
        stores: Stores,
        *,
        notifications: Any = None,
        clock: PositionClock | None = None,
    ) -> None:
        self.bus = RecordingBus()
        self._stores = stores
        self._notifications = notifications or stores.notifications
        self._clock = clock or PositionClock()
        self._refs: list[UserRef] = []

    def start(
        self, user_id: UUID, *, on_idle: Callable[[], None], on_broken: Callable[[], None]
    ) -> UserRef:
        """Start the actor of a user."""
        ref = UserActor.start(
            user_id,
            notifications=self._notifications,
            recounts=recounts_of(self._notifications, self._stores.unread_counts),
            names=NameResolver(self._stores.users, self._stores.businesses),
            clock=self._clock,
            bus=self.bus,
            on_idle=on_idle,
            on_broken=on_broken,
        )
        self._refs.append(ref)
        return ref

    async def end(self) -> None:
        """Stop those that live, and wait for all of them to end."""
        for ref in self._refs:
            await ref.stop_and_wait(deadline_s=ENDED_WITHIN_S)


class Away:
    """A repository whose store is away: every call raises StoreUnavailable, or what is given."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error or StoreUnavailable("away")

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*_: Any, **__: Any) -> Any:
            raise self._error

        return call


def no_caps() -> CapGate:
    """Return the gate of caps where they are switched off; nothing is ever counted there."""
    caps: Any = Away()
    return CapGate(NO_DAILY_CAPS, caps)


class RecordingQueue:
    """A job queue that keeps what is put on it."""

    def __init__(self) -> None:
        self.refs: list[Any] = []
        self.priorities: list[int] = []
        """One for each time that something was put on it."""

    def enqueue(self, refs: Any, *, priority: int = 0) -> int:
        """Keep the refs."""
        self.refs += refs
        self.priorities.append(priority)
        return len(refs)
