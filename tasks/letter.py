"""What a channel is given to send: nothing in it has to be looked up any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A business as recipients know it."""

    id: UUID
    name: str | None
    logo: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One notification, with names resolved and in the words of its row.

    Texts are data: whoever renders them as markup escapes them.
    """

    notification_id: UUID
    recipient_id: UUID
    recipient_name: str | None
    locale: str
    timezone: str
    kind: str
    priority: str
    title: str
    message: str
    data: dict[str, Any]
    action_buttons: list[dict[str, Any]]
    image_url: str | None
    business: Party | None
    sender_name: str | None
    created_at: datetime
    unread_count: int
    """What the recipient has not read: the badge of a push."""

    template: str | None = None
    """What its mail is to be made by, where that is not left to its kind."""


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """Where a mail goes."""

    address: str


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """Where an SMS goes, as the platform gave it."""

    number: str


@dataclass(frozen=True, slots=True)
class Device:
    """Where a push goes; `platform` is android, ios or web."""

    id: UUID
    platform: str
    token: str


Destination = EmailAddress | PhoneNumber | Device
