"""What became of an event, for whoever asked for it to be carried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from actors.draft import Draft
from storage.notifications import NotificationRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The notifications that an event made, or why it made none.

    `rows` are as stored, with what became of each channel; `drafts`, in the same order, have what
    the gates decided in this try, which is what the rows say unless an earlier try inserted them.
    """

    rows: tuple[NotificationRow, ...] = ()
    drafts: tuple[Draft, ...] = ()
    failure: Exception | None = None
    is_final: bool = True
    """Whether the event is finished; one that is not is tried again later, by anybody."""


Outcomes: TypeAlias = Mapping[UUID, Outcome]
"""By event key. An event that is not in it was interrupted, and is found again."""
