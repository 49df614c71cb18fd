"""How one delivery went when it was handed over, and what is written of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rules.deliveries import (
    DeliveryStatus,
    Outcome,
    Permanent,
    Sent,
    Settled,
    Transient,
    Uncertain,
    combine,
    settle,
)
from storage.delivery_entries import Entry
from tasks.letter import Destination, Device

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from rules.kinds import Channel
    from tasks.preparation import Ready


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, destination by destination; None where nothing left this process."""

    ready: Ready
    outcomes: Sequence[tuple[Destination, Outcome | None]]

    def entry(self, channel: Channel, *, at: datetime, chance: float) -> Entry:
        """Return what is written of it; it ended at `at`."""
        held = self.ready.held
        outcomes = [outcome for _, outcome in self.outcomes if outcome is not None]
        has_failed = any(isinstance(each, Transient | Uncertain) for each in outcomes)
        if len(outcomes) < len(self.outcomes) and not has_failed:
            # The permit was over before all were told; that is no fault of theirs. Guarded by the
            # claim: if another has it by now, this is nothing.
            return Entry(
                ref=held.ref,
                stands=Settled(DeliveryStatus.QUEUED, due_at=at),
                at=at,
                attempt=held.attempts,
                error="permit expired",
                is_forgiven=True,
                devices=dict(self._devices()),
            )
        outcome = combine(outcomes, has_sent=self._has_sent_before())
        stands = settle(
            channel, outcome, attempts=held.attempts - held.forgiven + 1, at=at, chance=chance
        )
        if stands.status is DeliveryStatus.DEAD and self._has_sent():
            # One of several devices is enough to have been told.
            stands = Settled(DeliveryStatus.SENT)
        return Entry(
            ref=held.ref,
            stands=stands,
            at=at,
            attempt=held.attempts,
            error=None if isinstance(outcome, Sent) else outcome.error,
            is_uncertain=isinstance(outcome, Uncertain),
            provider_message_id=outcome.provider_message_id if isinstance(outcome, Sent) else None,
            devices=dict(self._devices()),
        )

    def _has_sent_before(self) -> bool:
        before = self.ready.held.devices.values()
        return any(device["status"] == DeliveryStatus.SENT for device in before)

    def _has_sent(self) -> bool:
        now = any(isinstance(outcome, Sent) for _, outcome in self.outcomes)
        return now or self._has_sent_before()

    def _devices(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the devices that are done, so that a retry goes to the others only."""
        for to, outcome in self.outcomes:
            if not isinstance(to, Device):
                continue
            if isinstance(outcome, Sent):
                sent = {"status": DeliveryStatus.SENT, "message_id": outcome.provider_message_id}
                yield str(to.id), sent
            elif isinstance(outcome, Permanent):
                failed = {"status": DeliveryStatus.FAILED, "reason": outcome.reason}
                yield str(to.id), failed | {"error": outcome.error}
