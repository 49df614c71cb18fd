"""What a flow plans when an event concerns many."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from actors.flows.audience import Audience
from actors.flows.audiences import Audiences
from actors.flows.content import Content
from actors.notice import Notice
from rules.kinds import Channel
from rules.recipients import Recipient
from storage.businesses import Business, BusinessesRepository
from storage.events import StoredEvent


class FanOut(Protocol):
    """Who is told of one event, and what."""

    @property
    def audience(self) -> Audience:
        """Return who is told."""

    async def notices(
        self, event: StoredEvent, recipients: Sequence[Recipient]
    ) -> Sequence[Notice]:
        """Return what these of the audience are told; who is in no notice is told nothing.

        A batch that is done again asks again.
        """


@dataclass(frozen=True, slots=True)
class OneContent:
    """A fan-out of the same content for everybody."""

    content: Content
    audience: Audience
    channels: tuple[Channel, ...] | None = None
    """Instead of those of the kind."""

    async def notices(
        self, event: StoredEvent, recipients: Sequence[Recipient]
    ) -> Sequence[Notice]:
        """Return the content for all of them."""
        return [
            Notice(event=event, content=self.content, recipients=recipients, channels=self.channels)
        ]


class BusinessFlow(ABC):
    """Tells the followers of the business that an event names."""

    def __init__(self, businesses: BusinessesRepository, audiences: Audiences) -> None:
        self._businesses = businesses
        self._audiences = audiences

    async def plan(self, event: StoredEvent) -> OneContent | None:
        """Return whom to tell what; None when nobody knows the business, which nobody follows."""
        business = await self._businesses.find(UUID(event.data["business_id"]))
        if business is None:
            return None
        audience = self._audiences.followers(business, following_at=event.accepted_at)
        return OneContent(self.content(event, business), audience)

    @abstractmethod
    def content(self, event: StoredEvent, business: Business) -> Content:
        """Return what followers of `business` are told of `event`."""
