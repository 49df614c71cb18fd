"""Share out what all processes find between them, so that they do not all reach for the same.

Slots are hashes, so equal ranges of them hold about equally much. Processes that see the same
others come to the same shares without asking one another; where they see different ones for a
moment, guarded updates keep them apart, as they do without shares.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rules.slots import SLOTS


@dataclass(frozen=True, slots=True)
class Share:
    """The part of all slots that one of several processes looks after first."""

    place: int
    of: int

    def has(self, slot: int) -> bool:
        """Tell whether `slot` (0..4095) is in this share."""
        return slot * self.of // SLOTS == self.place


WHOLE = Share(0, 1)


def share_of(process: str, others: Iterable[str]) -> Share:
    """Return the share of `process` beside `others`, by the order of their names."""
    names = sorted({process, *others})
    return Share(names.index(process), len(names))
