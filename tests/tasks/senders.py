"""A channel that does as it is told and remembers what it was given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from config.providers import Provider
from rules.deliveries import Outcome, Sent
from tasks.letter import Destination, Letter
from tasks.outlet import Outlet
from tasks.permit import Permit
from tests.support.world import eventually

Act = Callable[[Letter, Destination], Outcome]


class RecordingSender:
    """Returns what `act` says, once `gate` is open for what `is_held`."""

    def __init__(self, act: Act | None = None) -> None:
        self.act: Act = act or (lambda letter, _: Sent(f"provider-{letter.notification_id}"))
        self.sent: list[tuple[Letter, Destination]] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.is_held: Callable[[Letter], bool] = lambda _: True
        self.gate = asyncio.Event()
        self.gate.set()

    async def send(self, letter: Letter, to: Destination, permit: Permit) -> Outcome:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self.is_held(letter):
                await self.gate.wait()
            permit.check()
            self.sent.append((letter, to))
            return self.act(letter, to)
        finally:
            self.in_flight -= 1

    async def holds(self, count: int) -> None:
        """Wait until `count` are in flight."""

        async def reached() -> bool:
            return self.in_flight >= count

        await eventually(reached)

    async def close(self) -> None:
        pass


def outlet_of(
    sender: RecordingSender, *, concurrency: int = 10, rate: float | None = None
) -> Outlet[Any]:
    provider = Provider(scheme="file", concurrency=concurrency, rate=rate, timeout_s=5)
    return Outlet(sender, provider)
