"""Say what every gate would do, also behind the one that decides: for who looks, not for sending.

Pure. `rules/gates.py` decides for thousands at once and stops at the first refusal; here each gate
is asked by itself, in the contract's order (section 5), and a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rules.deliveries import Reason
from rules.gates import Refusal
from rules.kinds import Channel, Kind
from rules.quiet_hours import quiet_until
from rules.recipients import Recipient
from rules.timezones import zone_of

QUIET_HOURS = Reason.QUIET_HOURS


class Verdict(StrEnum):
    """What one gate would do."""

    PASS = "pass"  # noqa: S105 (no password)
    REFUSE = "refuse"
    DEFER = "defer"
    EXEMPT = "exempt"
    """It would not be asked: not on this channel, of this kind, or with this priority."""


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """A gate, by the reason with which it refuses or defers, and what it would do."""

    gate: str
    verdict: Verdict
    until: datetime | None = None
    """When what is deferred would be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One notification of a kind for somebody, on one channel."""

    kind: Kind
    channel: Channel
    recipient: Recipient
    at: datetime
    is_critical: bool
    has_cap: bool
    is_over_cap: bool


def verdicts(asked: Question) -> list[GateVerdict]:
    """Return what each gate would do, in order; of one business nothing is known."""
    preferences, kind, channel = asked.recipient.preferences, asked.kind, asked.channel
    is_wanted, is_reachable = {
        Channel.IN_APP: (None, None),
        Channel.EMAIL: (preferences.email_notifications, asked.recipient.has_email),
        Channel.PUSH: (preferences.push_notifications, asked.recipient.has_device),
        Channel.SMS: (preferences.sms_notifications, asked.recipient.has_phone),
    }[channel]
    is_kind_wanted = None if kind.preference is None else getattr(preferences, kind.preference)
    is_capped = asked.has_cap and not asked.is_critical
    return [
        _gate(Refusal.MUTE_ALL, is_open=not preferences.mute_all),
        _gate(Refusal.MUTED_TYPE, is_open=kind.name not in preferences.muted_types),
        _gate(Refusal.MUTED_BUSINESS, is_open=None),
        _gate(Refusal.KIND_SWITCHED_OFF, is_open=is_kind_wanted),
        _gate(Refusal.CHANNEL_SWITCHED_OFF, is_open=is_wanted),
        _gate(Refusal.NO_ADDRESS, is_open=is_reachable),
        _gate(Refusal.DAILY_CAP, is_open=not asked.is_over_cap if is_capped else None),
        _quiet_hours(asked),
    ]


def deciding(gates: Sequence[GateVerdict]) -> GateVerdict | None:
    """Return the gate that decides: the first that refuses, else one that defers, else none."""
    for wanted in (Verdict.REFUSE, Verdict.DEFER):
        for gate in gates:
            if gate.verdict is wanted:
                return gate
    return None


def _gate(reason: Refusal, *, is_open: bool | None) -> GateVerdict:
    """Return the verdict of a gate that is open, shut, or None where it is not asked."""
    if is_open is None:
        return GateVerdict(reason, Verdict.EXEMPT)
    return GateVerdict(reason, Verdict.PASS if is_open else Verdict.REFUSE)


def _quiet_hours(asked: Question) -> GateVerdict:
    is_exempt = (
        asked.channel is Channel.IN_APP or asked.is_critical or not asked.kind.waits_for_quiet_hours
    )
    if is_exempt:
        return GateVerdict(QUIET_HOURS, Verdict.EXEMPT)
    preferences = asked.recipient.preferences
    until = quiet_until(preferences.quiet_hours, zone_of(preferences.timezone), asked.at)
    if until is None:
        return GateVerdict(QUIET_HOURS, Verdict.PASS)
    return GateVerdict(QUIET_HOURS, Verdict.DEFER, until)
