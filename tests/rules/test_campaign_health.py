from __future__ import annotations

import pytest

from rules.campaign_health import Mails, is_suspicious, reason_to_pause


@pytest.mark.parametrize(
    ("sent", "bounced", "complained", "pauses"),
    [
        (0, 0, 0, False),
        (99, 99, 99, False),
        (100, 3, 0, False),
        (100, 4, 0, True),
        (10_000, 399, 0, False),
        (10_000, 400, 0, True),
        (100, 0, 1, False),
        (100, 0, 2, True),
        (2_000, 0, 2, True),
        (2_001, 0, 2, False),
        (10_000, 0, 10, True),
        (10_000, 399, 9, False),
    ],
)
def test_a_campaign_pauses_at_four_percent_bounces_or_one_complaint_in_a_thousand(
    sent: int, bounced: int, complained: int, *, pauses: bool
) -> None:
    mails = Mails(sent=sent, bounced=bounced, complained=complained)
    assert (reason_to_pause(mails) is not None) is pauses
    # What is suspicious may be counted in vain; what is not must never be a reason.
    assert is_suspicious(mails) or not pauses


def test_the_reason_says_what_was_counted() -> None:
    assert reason_to_pause(Mails(sent=200, bounced=9)) == "9 of 200 emails bounced"
    assert reason_to_pause(Mails(sent=900, complained=2)) == "2 of 900 emails were complained of"


def test_what_was_before_does_not_count() -> None:
    before = Mails(sent=100, bounced=10, complained=1)
    after = Mails(sent=300, bounced=12, complained=1)
    assert after.since(before) == Mails(sent=200, bounced=2, complained=0)
