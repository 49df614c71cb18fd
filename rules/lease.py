"""Say who owns a piece of work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lease:
    """One incarnation of one process: work carries it, writes are guarded by it.

    `owner` is the name of the process's place and survives a restart; `epoch` counts its
    incarnations, so that what a dead one left behind cannot be written by it any more (fencing).
    """

    owner: str
    epoch: int

    def __str__(self) -> str:
        return f"{self.owner}#{self.epoch}"
