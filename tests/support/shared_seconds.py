"""Processes and a Redis, each with a clock of its own, and a true time that none of them knows."""

from __future__ import annotations

from dataclasses import dataclass

from actors.shared_time import NEW_FOR_S, SharedTime

REDIS_BEGAN_S = 1_800_000_000.0


class World:
    """The true time, which only goes on."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.redis_set_by_s = 0.0
        """By how much the clock of Redis is ahead of what it was when all began."""
        self.redis_rate = 1.0

    def slew_redis(self, by_s: float) -> None:
        """Make the clock of Redis faster or slower from now on, by seconds a second."""
        self.redis_rate += by_s
        self.redis_set_by_s -= by_s * self.now_s

    @property
    def shown_us(self) -> int:
        """What Redis's clock shows."""
        return int((REDIS_BEGAN_S + self.now_s * self.redis_rate + self.redis_set_by_s) * 1e6)


@dataclass
class Process:
    """One that counts seconds of its own, more or less of them than there are."""

    world: World
    began_s: float = 0.0
    rate: float = 1.0

    def __post_init__(self) -> None:
        self.shared_time = SharedTime(self.monotonic)

    def monotonic(self) -> float:
        return self.began_s + self.world.now_s * self.rate

    def beat(self, there_s: float = 0.001, back_s: float = 0.001) -> None:
        """Ask what Redis's clock shows."""
        asked_at_s = self.monotonic()
        self.world.now_s += there_s
        shown_us = self.world.shown_us
        self.world.now_s += back_s
        self.shared_time.measure(shown_us, asked_at_s=asked_at_s)

    def tell(self) -> int | None:
        """Return what it says of this moment."""
        return self.shared_time.shared_us(self.monotonic())

    def hear(self, told_us: int | None) -> float | None:
        """Return when, by its own seconds, the moment was that it is told of."""
        return None if told_us is None else self.shared_time.moment_s(told_us)


def settle(world: World, *processes: Process) -> None:
    """Let processes begin, and be new no longer."""
    for process in processes:
        process.beat()
    world.now_s += NEW_FOR_S + 0.01
    for process in processes:
        process.beat()
