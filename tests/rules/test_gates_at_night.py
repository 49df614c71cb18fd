from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from rules.gates import NOW, Later, Refusal, Refused
from rules.kinds import KINDS, Channel
from rules.quiet_hours import QuietHours
from tests.rules.decisions import MORNING, NIGHT, REACHABLE, decided, everywhere, preferring


def test_in_quiet_hours_all_but_the_inbox_waits_for_their_end() -> None:
    assert decided(REACHABLE, at=NIGHT) == everywhere(Later(MORNING)) | {Channel.IN_APP: NOW}


def test_what_the_cap_refuses_does_not_wait_for_the_end_of_quiet_hours() -> None:
    decisions = decided(REACHABLE, at=NIGHT, over_cap={Channel.IN_APP, Channel.PUSH})
    over_cap = Refused(Refusal.DAILY_CAP)
    assert decisions == {
        Channel.IN_APP: over_cap,
        Channel.EMAIL: Later(MORNING),
        Channel.PUSH: over_cap,
        Channel.SMS: Later(MORNING),
    }


def test_quiet_hours_are_the_users_own_in_the_users_own_time_zone() -> None:
    hours = QuietHours(start=time(5), end=time(6))
    recipient = preferring({"quiet_hours": hours, "timezone": "Asia/Tokyo"})
    in_tokyo_half_past_five = datetime(2026, 11, 22, 20, 30, tzinfo=UTC)
    decisions = decided(recipient, at=in_tokyo_half_past_five)
    assert decisions[Channel.EMAIL] == Later(datetime(2026, 11, 22, 21, tzinfo=UTC))
    assert decided(recipient, at=NIGHT)[Channel.EMAIL] is NOW


def test_in_a_time_zone_that_is_none_quiet_hours_are_those_of_johannesburg() -> None:
    recipient = preferring({"timezone": "Mars/Olympus"})
    assert decided(recipient, at=NIGHT)[Channel.EMAIL] == Later(MORNING)


def test_quiet_hours_switched_off_let_everything_through() -> None:
    recipient = preferring({"quiet_hours": QuietHours(is_enabled=False)})
    assert decided(recipient, at=NIGHT) == everywhere(NOW)


@pytest.mark.parametrize("kind", KINDS)
def test_welcome_alone_bypasses_quiet_hours(kind: str) -> None:
    decisions = decided(REACHABLE, KINDS[kind], at=NIGHT)
    assert decisions[Channel.EMAIL] == (NOW if kind == "welcome" else Later(MORNING))
