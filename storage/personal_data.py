"""What is stored about a person, and where: the table behind the export (contract section 2.5).

Every collection stands either in `SECTIONS`, with how to read what it has of somebody, or in
`NOTHING_OF_ANYBODY`, with the reason; a test fails when one stands in neither. The document in
`users` is read by `UsersRepository.exported`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime
    from uuid import UUID

    from storage.client import Document
    from storage.stores import Stores

OWN_DOCUMENT = "users"


@dataclass(frozen=True, slots=True)
class Section:
    """Rows of one collection that are somebody's; `rows` takes whose, and before when."""

    name: str
    collection: str
    rows: Callable[[Stores, UUID, datetime], AsyncIterator[list[Document]]]


SECTIONS = (
    Section("follows", "follows", lambda stores, user_id, _: stores.follows.exported(user_id)),
    Section(
        "businesses", "businesses", lambda stores, user_id, _: stores.businesses.exported(user_id)
    ),
    Section(
        "notifications",
        "notifications",
        lambda stores, user_id, until: stores.history.of(user_id, until=until),
    ),
    Section(
        "interests", "interests", lambda stores, user_id, _: stores.interests.exported(user_id)
    ),
    Section("pickups", "pickups", lambda stores, user_id, _: stores.pickups.exported(user_id)),
    Section("images", "images", lambda stores, user_id, _: stores.images.exported(user_id)),
    Section(
        "schedules",
        "schedules",
        lambda stores, user_id, _: stores.scheduled_sends.exported(recipient_id=user_id),
    ),
    Section(
        "schedules_made",
        "schedules",
        lambda stores, user_id, _: stores.scheduled_sends.exported(sender=user_id),
    ),
    Section(
        "audit_log", "audit_log", lambda stores, user_id, _: stores.audit_log.exported(user_id)
    ),
)

NOTHING_OF_ANYBODY = {
    "business_stats": "counts",
    "campaigns": "what is told to many; who made one is in `audit_log`, who got it has it",
    "channels": "who switched one last, which is in `audit_log`",
    "daily_stats": "counts",
    "listings": "what businesses offer",
    "device_tokens": "hashes of the tokens of devices that are in the user's document",
    "events": "on their way to what is exported; encrypted, found by no person, then blanked",
    "idempotency_keys": "found by no person; encrypted, and gone after a day",
    "jobs": "what is done by the clock",
    "opt_outs": "that somebody opted out, and not who; until then noted in the user's document",
    "processes": "machines",
    "retention": "times",
    "suppressions": "hashes of addresses, of nobody in particular; kept when a person is erased",
    "templates": "who wrote one, which is in `audit_log`",
    "statuses": "times under hashes of what changed",
}
"""Collection -> why there is nothing to export from it."""
