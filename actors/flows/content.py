"""What a flow says, the same for all recipients of an event."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from rules.kinds import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The shared part of the notifications that one event makes.

    Texts name businesses and things, never other people: those are ids, resolved when read.
    """

    kind: Kind
    title: str
    message: str
    data: dict[str, Any] = field(default_factory=dict)
    action_buttons: list[dict[str, Any]] = field(default_factory=list)
    image_url: str | None = None
    business_id: UUID | None = None
    sender_id: UUID | None = None
    sender_type: str | None = None
    """Of a sender whom no event may ever tell of: services are no users."""

    priority: str = "normal"

    template: str | None = None
    """What mails are to be made by, where that is not left to the kind."""

    campaign_id: UUID | None = None
