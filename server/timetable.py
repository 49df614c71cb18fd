"""What happens in a server process by the clock, and how often."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from tornado.ioloop import PeriodicCallback

from actors.claimer import Claim, Help, Recover
from actors.lease_keeper import BEAT_EVERY_S, Beat
from actors.scheduler import WAKE_EVERY_S, Wake
from actors.supervisor import Supervisor
from server.bus_assembly import bus_timetable
from server.singletons import tell
from storage.client import StoreUnavailable

CLAIM_EVERY_S = 5.0
"""How long an event that was put off, or found no room anywhere, may lie after its time."""

HELP_EVERY_S = 1.0
"""How long a share of a fan-out lies while there is a process that tells nobody."""

RECOVER_EVERY_S = 30.0
MEASURE_CLOCK_EVERY_S = 60.0


def keep_time(
    supervisor: Supervisor, stack: AsyncExitStack, measure_clock: Callable[[], Awaitable[None]]
) -> None:
    """Start what happens by the clock; each is one message to an actor."""
    for name, message, every_s in (
        ("lease_keeper", Beat(), BEAT_EVERY_S),
        ("claimer", Claim(), CLAIM_EVERY_S),
        ("claimer", Help(), HELP_EVERY_S),
        ("claimer", Recover(), RECOVER_EVERY_S),
        ("scheduler", Wake(), WAKE_EVERY_S),
        *bus_timetable(),
    ):
        _every(every_s, partial(tell, supervisor, name, message), stack)
    _every(MEASURE_CLOCK_EVERY_S, partial(_measure, measure_clock), stack)


def _every(every_s: float, callback: Callable[[], Any], stack: AsyncExitStack) -> None:
    periodic = PeriodicCallback(callback, every_s * 1_000, jitter=0.1)
    periodic.start()
    stack.callback(periodic.stop)


async def _measure(measure_clock: Callable[[], Awaitable[None]]) -> None:
    with contextlib.suppress(StoreUnavailable):
        await measure_clock()
