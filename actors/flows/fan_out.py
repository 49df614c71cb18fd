"""What a flow plans when an event concerns the followers of a business."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from actors.flows.content import Content


@dataclass(frozen=True, slots=True)
class FanOut:
    """Tell `content` to who follows `business_id`; the count sizes the ranges that are read."""

    content: Content
    business_id: UUID
    followers_count: int
