"""What a flow plans when an event concerns many."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeAlias, TypeVar
from uuid import UUID

from actors.flows.audience import Audience
from actors.flows.audiences import Audiences
from actors.flows.content import Content
from actors.flows.followers import FollowersOf
from actors.notice import Notice
from rules.kinds import Channel
from rules.recipients import Recipient
from storage.businesses import Business, BusinessesRepository
from storage.events import StoredEvent
from storage.notification_rows import NotificationRow


class Overtaken(Exception):
    """Somebody else has told the batch: the event is to go on from where it is by now."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A batch that is told: from which cursor to which, and what there is of it."""

    cursor: int
    to: int
    rows: Sequence[NotificationRow]
    """As stored, those of an earlier try too."""

    failed: Sequence[Recipient]
    """Those who could not be told; the log says why."""


class FanOut(Protocol):
    """Who is told of one event, and what."""

    @property
    def audience(self) -> Audience:
        """Return who is told."""

    async def notices(
        self, event: StoredEvent, recipients: Sequence[Recipient]
    ) -> Sequence[Notice]:
        """Return what these of the audience are told; who is in no notice is told nothing.

        A batch that is done again asks again, and one of which some cannot be told in parts.
        """


class FanOutFlow(Protocol):
    """Says who is told what of one type of event."""

    async def plan(self, event: StoredEvent) -> FanOut | None:
        """Return the fan-out, or None when there is nobody to tell."""


class Account:
    """How far a fan-out is, as its event knows; one that is an `Account` too says so itself."""

    def begins_at(self, cursor: int) -> int:
        """Return where to begin when the event is known to be at `cursor`."""
        return cursor

    async def may_go_on(self) -> bool:
        """Tell whether the next batch is to be told; else the event is finished as it is."""
        return True

    async def note(self, passed: Passed) -> None:
        """Take note of a batch that is told; it may be done again after this. Raises Overtaken."""

    async def end(self) -> None:
        """Take note that everybody is told."""


AnyAudience = TypeVar("AnyAudience", bound=Audience)


@dataclass(frozen=True, slots=True)
class OneContent(Generic[AnyAudience]):
    """A fan-out of the same content for everybody."""

    content: Content
    audience: AnyAudience
    channels: tuple[Channel, ...] | None = None
    """Instead of those of the kind."""

    async def notices(
        self, event: StoredEvent, recipients: Sequence[Recipient]
    ) -> Sequence[Notice]:
        """Return the content for all of them."""
        return [
            Notice(event=event, content=self.content, recipients=recipients, channels=self.channels)
        ]


ToFollowers: TypeAlias = OneContent[FollowersOf]


class BusinessFlow(ABC):
    """Tells the followers of the businesses that events name."""

    def __init__(self, businesses: BusinessesRepository, audiences: Audiences) -> None:
        self._businesses = businesses
        self._audiences = audiences

    async def plan(self, event: StoredEvent) -> ToFollowers | None:
        """Return whom to tell what; None when nobody knows the business, which nobody follows."""
        (planned,) = await self.plan_all([event])
        return planned

    async def plan_all(self, events: Sequence[StoredEvent]) -> list[ToFollowers | None]:
        """Do it for each of `events`, the oldest first, by one look-up."""
        known = await self._businesses.find_many({_business_id(event) for event in events})
        return [self._planned(event, known.get(_business_id(event))) for event in events]

    def _planned(self, event: StoredEvent, business: Business | None) -> ToFollowers | None:
        if business is None:
            return None
        audience = self._audiences.followers(business, following_at=event.accepted_at)
        return OneContent(self.content(event, business), audience)

    @abstractmethod
    def content(self, event: StoredEvent, business: Business) -> Content:
        """Return what followers of `business` are told of `event`."""


def _business_id(event: StoredEvent) -> UUID:
    return UUID(event.data["business_id"])
