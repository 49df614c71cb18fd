"""The life of a campaign: which action leads from which status to which (contract section 2.6).

    draft ──start──► running ──────────────────────► completed, failed
      │  └─start──► scheduled ──its time──► running
      │                 │ pause   resume │ ▲ │ pause
      │                 ▼                ▼ │ ▼
      └──cancel──► cancelled ◄──cancel── paused

Pure. Start and resume lead to `scheduled` while the campaign's time is still to come.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum


class CampaignStatus(StrEnum):
    """Where a campaign stands."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


class CampaignAction(StrEnum):
    """What an admin may do with one."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


_S, _A = CampaignStatus, CampaignAction

POSSIBLE: dict[CampaignAction, frozenset[CampaignStatus]] = {
    _A.START: frozenset({_S.DRAFT}),
    _A.PAUSE: frozenset({_S.RUNNING, _S.SCHEDULED}),
    _A.RESUME: frozenset({_S.PAUSED}),
    _A.CANCEL: frozenset({_S.DRAFT, _S.SCHEDULED, _S.RUNNING, _S.PAUSED}),
}
"""From which statuses each action leads anywhere."""

BEFORE_RUNNING = frozenset({_S.DRAFT, _S.SCHEDULED, _S.PAUSED})
"""From where a campaign may begin to run, or go on."""

ENDED = frozenset({_S.COMPLETED, _S.CANCELLED, _S.FAILED})
"""From where nothing leads anywhere."""


def status_after(
    action: CampaignAction, status: CampaignStatus, *, send_at: datetime | None, now: datetime
) -> CampaignStatus | None:
    """Return where `action` leads, or None when it is not possible."""
    if status not in POSSIBLE[action]:
        return None
    match action:
        case CampaignAction.PAUSE:
            return CampaignStatus.PAUSED
        case CampaignAction.CANCEL:
            return CampaignStatus.CANCELLED
    is_ahead = send_at is not None and send_at > now
    return CampaignStatus.SCHEDULED if is_ahead else CampaignStatus.RUNNING
