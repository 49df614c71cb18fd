"""The actor that shows that this process lives, and sees which others do not.

One heartbeat a process stands for all it has in hand. Death is judged by this process's own
monotonic clock (rules/heartbeats.py); what the dead had goes to the claimer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from actors.loop_actor import LoopActor
from rules.heartbeats import HeartbeatWatch
from rules.lease import Lease
from storage.client import StoreUnavailable
from storage.processes import ProcessesRepository, Superseded

BEAT_EVERY_S = 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Beat:
    """Show that this process lives and look at the others."""


class LeaseKeeper(LoopActor):
    """Keeps this process's lease.

    `on_death` is called with the lease of each process found dead, at every beat for as long as it
    is on the list; `on_superseded` when another incarnation of this process has begun.
    """

    mailbox_limit = 10

    def __init__(
        self,
        *,
        processes: ProcessesRepository,
        lease: Lease,
        on_death: Callable[[Lease], None],
        on_superseded: Callable[[], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._processes = processes
        self._lease = lease
        self._on_death = on_death
        self._on_superseded = on_superseded
        self._monotonic = monotonic
        self._watch = HeartbeatWatch()

    async def on_receive(self, message: Any) -> None:
        """Beat once; while the store is away nobody can be judged."""
        if not isinstance(message, Beat):
            raise TypeError(f"the lease keeper does not take {type(message).__name__}")
        try:
            await self._processes.beat(self._lease)
            rows = await self._processes.list()
        except StoreUnavailable as error:
            # Nobody could show a beat either: silence counts from the next look.
            self._watch = HeartbeatWatch()
            log.warning("heartbeat_missed", reason=error.reason)
            return
        except Superseded:
            log.warning("superseded", lease=str(self._lease))
            self._on_superseded()
            return
        beats = ((row.lease, row.beat) for row in rows if row.lease.owner != self._lease.owner)
        for dead in self._watch.observe(beats, now_s=self._monotonic()):
            log.warning("process_dead", lease=str(dead))
            self._on_death(dead)
