"""What a flow plans when an event concerns one subject: a user, a business, one recipient."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from actors.flows.content import Content
from actors.outcome import Outcomes
from actors.socket_events import SocketEvent
from rules.kinds import Channel
from storage.events import StoredEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """Tell `content` to these users."""

    content: Content
    recipient_ids: tuple[UUID, ...]
    channels: tuple[Channel, ...] | None = None
    """Instead of those of the kind, fewer or others."""

    is_for_known_only: bool = False
    """Whether the event is refused with `UserNotFound` when one of them is not known; who is not
    known is told otherwise by what everybody has: the app, and the default preferences."""

    is_refused_over_cap: bool = False
    """Whether the event is refused with `DailyCapReached` when one of them has had the day's worth
    in the app; they get it by the other channels otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one event leads to. Socket events are sent once it is finished, at most once."""

    tells: tuple[Tell, ...] = ()
    socket_events: tuple[SocketEvent, ...] = ()


NOTHING = Plan()


@dataclass(frozen=True, slots=True)
class NotYet:
    """What the event needs is not known yet: it is tried again, and at last given up."""

    cause: Exception


class SubjectFlow(ABC):
    """Says what one type of event leads to, for all events of it that wait.

    What it does may be done again, for an event whose process was killed before it was finished.
    """

    is_answered_once_told: ClassVar[bool] = False
    """Whether who asked hears of rows as soon as the connected are told, before the queue is:
    then there is nothing to settle of an event that has made one."""

    @abstractmethod
    async def plan(self, events: Sequence[StoredEvent]) -> Sequence[Plan | NotYet]:
        """Return what each of `events`, oldest first, leads to.

        An error fails all of them: then they are tried in parts, down to the one it is about.
        """

    async def settle(  # noqa: B027 (few have to)
        self, events: Sequence[StoredEvent], outcomes: Outcomes
    ) -> None:
        """Store what can only be stored once it is known what became of `events`."""


class ReadModelFlow(SubjectFlow):
    """Applies events to a read model, of which nobody is told."""

    async def plan(self, events: Sequence[StoredEvent]) -> Sequence[Plan | NotYet]:
        """Apply `events`, which leads to nothing."""
        await self.apply(events)
        return [NOTHING] * len(events)

    @abstractmethod
    async def apply(self, events: Sequence[StoredEvent]) -> None:
        """Apply `events` in the order given; doing so again changes nothing."""
