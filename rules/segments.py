"""Tell which users belong to a part of all there are.

Pure. What a segment leaves open is open to everybody; of several conditions all must hold.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What segments ask of a user."""

    user_type: str | None = None
    timezone: str
    locale: str
    last_active_at: datetime | None = None
    is_deleted: bool = False
    following: Collection[UUID] = ()
    """Businesses, where a segment asks for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of all users."""

    user_types: tuple[str, ...] = ()
    timezone: str | None = None
    """The one in force for them: their own choice, else that of their profile, else the default."""

    locales: tuple[str, ...] = ()
    """Language tags in force for them; `af` has `af-ZA` in it."""

    active_since: datetime | None = None
    followers_of: frozenset[UUID] = frozenset()
    """Of any of these businesses."""

    def has(self, user: Traits) -> bool:
        """Tell whether somebody with these traits belongs to it; who is deleted to none."""
        if user.is_deleted:
            return False
        if self.user_types and user.user_type not in self.user_types:
            return False
        if self.timezone is not None and user.timezone != self.timezone:
            return False
        if self.locales and not _is_one_of(user.locale, self.locales):
            return False
        if self.followers_of and self.followers_of.isdisjoint(user.following):
            return False
        return self.active_since is None or (
            user.last_active_at is not None and user.last_active_at >= self.active_since
        )


EVERYBODY = Segment()


def _is_one_of(locale: str, wanted: Sequence[str]) -> bool:
    spoken = _parts(locale)
    return any(spoken[: len(parts)] == parts for parts in map(_parts, wanted))


def _parts(locale: str) -> list[str]:
    return locale.replace("_", "-").lower().split("-")
