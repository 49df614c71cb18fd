"""How a channel is: what a worker can tell of it, and what several say together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Circuit(StrEnum):
    """How a channel stands with its provider."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


WORST_FIRST = (Circuit.OPEN, Circuit.HALF_OPEN, Circuit.CLOSED)


@dataclass(frozen=True, slots=True)
class ChannelHealth:
    """The circuit, and how sendings ended in the last minutes."""

    circuit: str
    succeeded: int
    failed: int

    @property
    def success_rate(self) -> float | None:
        """Return the share that succeeded, from 0.0 to 1.0; None when nothing was sent."""
        sent = self.succeeded + self.failed
        return self.succeeded / sent if sent else None


def together(workers: Iterable[ChannelHealth]) -> ChannelHealth | None:
    """Return how a channel is by what all `workers` say: their sums, and the worst circuit.

    None when there is no worker to tell.
    """
    said = list(workers)
    if not said:
        return None
    circuits = {each.circuit for each in said}
    return ChannelHealth(
        next(circuit for circuit in WORST_FIRST if circuit in circuits),
        sum(each.succeeded for each in said),
        sum(each.failed for each in said),
    )
