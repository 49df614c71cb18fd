"""When a mail of the day before is sent that falls into somebody's night, whatever clocks do."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import pytest

from rules.gates import NOW, Later, decide
from rules.kinds import KINDS, Channel
from rules.preferences import Preferences
from rules.recipients import Recipient
from rules.reminders import Reminder, planned
from rules.timeliness import is_still_true

BERLIN, NEW_YORK, CAPE = "Europe/Berlin", "America/New_York", "Africa/Johannesburg"


def sent_at(reminder: Reminder, zone: str, announced: str, pickup: str) -> datetime | None:
    """Return when the mail is sent, None when it is not."""
    pickup_time = datetime.fromisoformat(pickup)
    due_at = planned(pickup_time, announced_at=datetime.fromisoformat(announced))[reminder]
    recipient = Recipient(
        user_id=UUID(int=1), preferences=Preferences(timezone=zone), has_email=True
    )
    decision = decide(
        kind=KINDS["pickup_reminder"],
        channels=(Channel.EMAIL,),
        business_id=None,
        recipient=recipient,
        at=due_at,
        is_critical=reminder is Reminder.HOUR,
    )[Channel.EMAIL]
    assert decision is NOW or isinstance(decision, Later)
    at = decision.until if isinstance(decision, Later) else due_at
    data = {"pickup_time": pickup, "reminder": reminder.value}
    return at if is_still_true("pickup_reminder", data, at=at) else None


@pytest.mark.parametrize(
    ("zone", "announced", "pickup", "sent"),
    [
        # The clocks go forward at 02:00, and 24 hours before 08:00 it was 07:00.
        (BERLIN, "2027-03-20T12:00+01:00", "2027-03-28T08:00+02:00", "2027-03-27T07:00+01:00"),
        # 06:30, which is night: at 07:00.
        (BERLIN, "2027-03-20T12:00+01:00", "2027-03-28T07:30+02:00", "2027-03-27T07:00+01:00"),
        # Announced in the night that is an hour shorter.
        (BERLIN, "2027-03-27T23:00+01:00", "2027-03-28T10:00+02:00", "2027-03-28T07:00+02:00"),
        # The night ends in the last hour before the pickup: the urgent one has taken its place.
        (BERLIN, "2027-03-27T23:00+01:00", "2027-03-28T07:30+02:00", None),
        (BERLIN, "2027-03-27T23:00+01:00", "2027-03-28T08:00+02:00", None),
        (BERLIN, "2027-03-27T23:00+01:00", "2027-03-28T08:01+02:00", "2027-03-28T07:00+02:00"),
        # They go back: 24 hours before 07:30 it was 08:30, and the night is an hour longer.
        (BERLIN, "2026-10-20T12:00+02:00", "2026-10-25T07:30+01:00", "2026-10-24T08:30+02:00"),
        (BERLIN, "2026-10-24T23:00+02:00", "2026-10-25T10:00+01:00", "2026-10-25T07:00+01:00"),
        (NEW_YORK, "2027-03-13T23:00-05:00", "2027-03-14T10:00-04:00", "2027-03-14T07:00-04:00"),
        (NEW_YORK, "2026-10-31T23:00-04:00", "2026-11-01T10:00-05:00", "2026-11-01T07:00-05:00"),
        (NEW_YORK, "2026-10-31T23:00-04:00", "2026-11-01T07:30-05:00", None),
        # Clocks do not change there.
        (CAPE, "2027-03-27T23:00+02:00", "2027-03-28T10:00+02:00", "2027-03-28T07:00+02:00"),
        (CAPE, "2027-03-20T12:00+02:00", "2027-03-28T23:00+02:00", "2027-03-28T07:00+02:00"),
        (CAPE, "2027-03-20T12:00+02:00", "2027-03-28T12:00+02:00", "2027-03-27T12:00+02:00"),
    ],
)  # fmt: skip
def test_the_mail_of_the_day_before_waits_for_the_morning_while_it_helps(
    zone: str, announced: str, pickup: str, sent: str | None
) -> None:
    expected = None if sent is None else datetime.fromisoformat(sent)
    assert sent_at(Reminder.DAY, zone, announced, pickup) == expected


@pytest.mark.parametrize(
    ("zone", "pickup"),
    [
        (BERLIN, "2027-03-28T03:30+02:00"),
        (NEW_YORK, "2026-11-01T02:30-05:00"),
        (CAPE, "2027-03-28T05:00+02:00"),
    ],
)
def test_the_urgent_one_wakes_people(zone: str, pickup: str) -> None:
    """An hour before, by no clock at all."""
    at = sent_at(Reminder.HOUR, zone, "2026-01-01T00:00Z", pickup)
    assert at is not None
    assert (datetime.fromisoformat(pickup) - at).total_seconds() == 3_600
