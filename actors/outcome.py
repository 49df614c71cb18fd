"""What became of an event, for whoever asked for it to be carried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from actors.draft import Draft
from storage.names import Names
from storage.notifications import NotificationRow
from storage.users import UserNotFound


class DailyCapReached(Exception):
    """The recipient has had the day's worth in the app, so that nothing at all was made."""

    def __init__(self, user_id: UUID) -> None:
        super().__init__(f"user {user_id} has had the day's worth of notifications")
        self.user_id = user_id


_REFUSALS: Mapping[str, type[UserNotFound | DailyCapReached]] = {
    "unknown_recipient": UserNotFound,
    "daily_cap": DailyCapReached,
}
"""The word that is stored for each reason to finish an event without having made anything."""


def refusal_of(failure: Exception | None) -> str | None:
    """Return the word for why an event made nothing, None when it made what it was to."""
    return next((word for word, kind in _REFUSALS.items() if isinstance(failure, kind)), None)


def failure_of(refusal: str, recipient_id: UUID) -> Exception:
    """Return the failure that `refusal` stands for."""
    return _REFUSALS[refusal](recipient_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The notifications that an event made, or why it made none.

    `rows` are as stored, with what became of each channel; `drafts`, in the same order, have what
    the gates decided in this try, which is what the rows say unless an earlier try inserted them.
    """

    rows: tuple[NotificationRow, ...] = ()
    drafts: tuple[Draft, ...] = ()
    names: Names | None = None
    """Of whom the rows are from, where there are any."""

    failure: Exception | None = None
    is_final: bool = True
    """Whether the event is finished; one that is not is tried again later, by anybody."""


Outcomes: TypeAlias = Mapping[UUID, Outcome]
"""By event key. An event that is not in it was interrupted, and is found again."""
