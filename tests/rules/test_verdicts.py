"""What is shown of the gates is what they do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.gates import NOW, Later, Refused, decide
from rules.kinds import KINDS, Channel, Kind
from rules.preferences import DEFAULTS, Preferences
from rules.quiet_hours import QuietHours
from rules.recipients import Recipient
from rules.verdicts import GateVerdict, Question, Verdict, deciding, verdicts

NOON = datetime(2026, 11, 22, 10, tzinfo=UTC)
NIGHT = NOON + timedelta(hours=12)
ORDER = [
    "mute_all",
    "muted_types",
    "muted_businesses",
    "type_preference",
    "channel_preference",
    "no_address",
    "daily_cap",
    "quiet_hours",
]


def question(**changes: Any) -> Question:
    reachable: dict[str, Any] = dict.fromkeys(("has_email", "has_phone", "has_device"), True)
    preferences = changes.pop("preferences", DEFAULTS)
    known: dict[str, Any] = {
        "kind": KINDS["new_listing"],
        "channel": Channel.EMAIL,
        "recipient": Recipient(user_id=UUID(int=1), preferences=preferences, **reachable),
        "at": NOON,
        "is_critical": False,
        "has_cap": True,
        "is_over_cap": False,
    }
    return Question(**(known | changes))


def by_gate(asked: Question) -> dict[str, str]:
    return {each.gate: each.verdict.value for each in verdicts(asked)}


def test_every_gate_is_asked_in_the_contracts_order() -> None:
    gates = verdicts(question())
    assert [each.gate for each in gates] == ORDER
    assert [each.verdict.value for each in gates] == [
        "pass",
        "pass",
        "exempt",
        *["pass"] * 5,
    ]
    assert deciding(gates) is None


def test_gates_behind_the_one_that_decides_are_asked_too() -> None:
    preferences = Preferences(mute_all=True, email_notifications=False)
    gates = verdicts(question(preferences=preferences, at=NIGHT, is_over_cap=True))
    assert {each.gate for each in gates if each.verdict is Verdict.REFUSE} == {
        "mute_all",
        "channel_preference",
        "daily_cap",
    }
    assert gates[-1].verdict is Verdict.DEFER
    assert deciding(gates) == GateVerdict("mute_all", Verdict.REFUSE)


def test_quiet_hours_say_until_when() -> None:
    decides = deciding(verdicts(question(at=NIGHT)))
    assert decides == GateVerdict("quiet_hours", Verdict.DEFER, NOON + timedelta(hours=19))


@pytest.mark.parametrize(
    ("changes", "exempt"),
    [
        ({"is_critical": True, "is_over_cap": True, "at": NIGHT}, {"daily_cap", "quiet_hours"}),
        ({"has_cap": False, "is_over_cap": True}, {"daily_cap"}),
        ({"kind": KINDS["welcome"], "at": NIGHT}, {"type_preference", "quiet_hours"}),
        (
            {"channel": Channel.IN_APP, "at": NIGHT},
            {"channel_preference", "no_address", "quiet_hours"},
        ),
    ],
)
def test_who_is_exempt(changes: dict[str, Any], exempt: set[str]) -> None:
    said = by_gate(question(**changes))
    assert {gate for gate in ORDER if said[gate] == "exempt"} == exempt | {"muted_businesses"}
    assert "refuse" not in said.values()


flags = st.booleans()
SWITCH_NAMES = (
    *("email_notifications", "push_notifications", "sms_notifications"),
    *("new_listing_notifications", "promotional_notifications", "weekly_digest"),
)
SWITCHES: dict[str, st.SearchStrategy[bool]] = dict.fromkeys(SWITCH_NAMES, flags)
asked_anything = st.builds(
    Question,
    kind=st.sampled_from(list(KINDS.values())),
    channel=st.sampled_from(list(Channel)),
    recipient=st.builds(
        Recipient,
        user_id=st.just(UUID(int=1)),
        user_type=st.just("customer"),
        preferences=st.builds(
            Preferences,
            **SWITCHES,
            mute_all=st.sampled_from([False, False, False, True]),
            muted_types=st.sampled_from([(), (), ("new_listing", "welcome")]),
            quiet_hours=st.builds(QuietHours, is_enabled=flags),
        ),
        has_email=flags,
        has_phone=flags,
        has_device=flags,
    ),
    at=st.sampled_from([NOON, NIGHT]),
    is_critical=flags,
    has_cap=st.just(True),
    is_over_cap=flags,
)


@given(asked_anything)
def test_what_decides_is_what_the_gates_decide(asked: Question) -> None:
    kind: Kind = asked.kind
    decision = decide(
        kind=kind,
        channels=(asked.channel,),
        business_id=None,
        recipient=asked.recipient,
        at=asked.at,
        is_critical=asked.is_critical,
        over_cap={asked.channel} if asked.is_over_cap else frozenset(),
    )[asked.channel]
    decides = deciding(verdicts(asked))
    match decision:
        case Refused(reason):
            assert decides == GateVerdict(reason, Verdict.REFUSE)
        case Later(until):
            assert decides == GateVerdict("quiet_hours", Verdict.DEFER, until)
        case _:
            assert decision is NOW
            assert decides is None
