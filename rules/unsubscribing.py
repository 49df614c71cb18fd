"""What the unsubscribe link of an email switches off (contract section 2.5)."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """What a link is about; each is switched by one preference."""

    ALL = "all"
    WEEKLY_DIGEST = "weekly_digest"
    PROMOTIONAL = "promotional"

    @property
    def preference(self) -> str:
        """Return the preference that it switches."""
        return _PREFERENCES[self]


_PREFERENCES = {
    Scope.ALL: "email_notifications",
    Scope.WEEKLY_DIGEST: "weekly_digest",
    Scope.PROMOTIONAL: "promotional_notifications",
}


def scope_of(kind: str) -> Scope:
    """Return what the link in an email of `kind` is about: all email, but for two kinds."""
    return Scope(kind) if kind in (Scope.WEEKLY_DIGEST, Scope.PROMOTIONAL) else Scope.ALL
