"""What a flow plans when an event concerns the followers of a business."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from uuid import UUID

from actors.flows.content import Content
from storage.businesses import Business, BusinessesRepository
from storage.events import StoredEvent


@dataclass(frozen=True, slots=True)
class FanOut:
    """Tell `content` to who follows `business_id`; the count sizes the ranges that are read."""

    content: Content
    business_id: UUID
    followers_count: int


class BusinessFlow(ABC):
    """Tells the followers of the business that an event names."""

    def __init__(self, businesses: BusinessesRepository) -> None:
        self._businesses = businesses

    async def plan(self, event: StoredEvent) -> FanOut | None:
        """Return whom to tell what; None when nobody knows the business, which nobody follows."""
        business = await self._businesses.find(UUID(event.data["business_id"]))
        if business is None:
            return None
        return FanOut(self.content(event, business), business.id, business.followers_count)

    @abstractmethod
    def content(self, event: StoredEvent, business: Business) -> Content:
        """Return what followers of `business` are told of `event`."""
