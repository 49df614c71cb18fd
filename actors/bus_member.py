"""The actor that shows the others on the bus that this process is there, and sees who they are."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog
from pykka import ActorDeadError

from actors.loop_actor import LoopActor
from actors.loop_ref import DeadlineExceeded
from actors.mailbox import MailboxFull
from actors.notices import Joined
from actors.peers import Peers
from rules.lease import Lease
from storage.bus_members import MEMBER_FOR_MS, BusMembers, Membership
from storage.bus_streams import BusStreams
from storage.positions import PositionClock
from storage.redis import RedisUnavailable

SHOW_EVERY_S = 1.0
"""A quarter of the time after which a process is taken to be gone."""

LOOK_AGAIN_AFTER_S = 0.02
"""While waiting for the others to have seen this process; they do as soon as they read of it."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Show:
    """Show that this process is there and look who else is."""


@dataclass(frozen=True, slots=True)
class Join:
    """Wait until all others know that this process is there. Asked; raises RedisUnavailable."""


class BusMember(LoopActor):
    """Keeps this process on the bus.

    `register_waiting` is what the registrar does: who joins goes on as soon as this process has
    shown itself, so before that everybody who is here has to be registered. While they cannot be,
    it does not show itself.
    `on_lapsed` is called when others may have missed that this process was there; `on_loss` when
    there is something to tell others that could not be told before; `on_company` when it is alone
    no longer.
    """

    mailbox_limit = 10

    def __init__(
        self,
        *,
        members: BusMembers,
        streams: BusStreams,
        lease: Lease,
        peers: Peers,
        clock: PositionClock,
        register_waiting: Callable[[], Awaitable[Any]],
        on_lapsed: Callable[[], None],
        on_loss: Callable[[], None],
        on_company: Callable[[], None],
    ) -> None:
        super().__init__()
        self._members = members
        self._streams = streams
        self._lease = lease
        self._process = str(lease)
        self._peers = peers
        self._clock = clock
        self._register_waiting = register_waiting
        self._on_lapsed = on_lapsed
        self._on_loss = on_loss
        self._on_company = on_company
        self._shown_us = 0
        """What Redis's clock showed at the last look, in microseconds."""

    async def on_receive(self, message: Any) -> None:
        """Show this process, once or until it is seen."""
        match message:
            case Show():
                await self._show()
            case Join():
                await self._join()
            case _:
                raise TypeError(f"a member of the bus does not take {type(message).__name__}")

    async def on_stop(self) -> None:  # type: ignore[override]
        """Leave, so that nobody waits for this process or writes to it."""
        if self._peers.is_joined:
            # Others will soon no longer tell this process who came to them.
            self._peers.only_here.end()
            with contextlib.suppress(RedisUnavailable):
                await self._members.leave(self._process)
                await self._streams.delete(self._process)

    async def _show(self) -> None:
        """Show this process; while Redis is away the reader knows, and says so."""
        at = self._clock.store_now()
        try:
            found = await self._look()
        except (RedisUnavailable, ActorDeadError, MailboxFull, DeadlineExceeded):
            return
        if self._peers.is_joined:
            if found.was_member:
                self._peers.intact_at = at
            else:
                self._peers.only_here.end()
                self._peers.lose(self._peers.intact_at)
                self._on_lapsed()
        if self._peers.lost_since is not None:
            self._on_loss()

    async def _join(self) -> None:
        at = self._clock.store_now()
        found = await self._look()
        seen_after = found.until
        await self._dismiss_former(found.others)
        unaware = self._unaware(found, seen_after)
        await self._streams.add((process, Joined().fields()) for process in unaware)
        while unaware:
            await asyncio.sleep(LOOK_AGAIN_AFTER_S)
            unaware = self._unaware(await self._look(), seen_after)
        self._peers.intact_at = at

    async def _look(self) -> Membership:
        # From here on who comes is registered at once.
        self._peers.doubt()
        if self._peers.unregistered:
            await self._register_waiting()
        asked_at_s = time.monotonic()
        found = await self._members.beat(self._process)
        self._peers.shared_time.measure(found.shown_us, asked_at_s=asked_at_s)
        # A call that was carried out and not answered is made again, and finds what it did itself.
        is_late = found.shown_us - self._shown_us >= MEMBER_FOR_MS * 1_000
        found = replace(found, was_member=found.was_member and not is_late)
        self._shown_us = found.shown_us
        was_alone = not self._peers.others
        self._peers.know(found.others, asked_at_s=asked_at_s)
        if was_alone and found.others and self._peers.is_joined:
            self._on_company()
        return found

    def _unaware(self, found: Membership, seen_after: float) -> list[str]:
        """Return those who have not looked since: each look puts off when a member expires."""
        return [
            process
            for process, until in found.others.items()
            if until <= seen_after and not self._is_former(process)
        ]

    async def _dismiss_former(self, others: Mapping[str, float]) -> None:
        """Take off earlier incarnations of this process, which nobody need wait for."""
        former = [process for process in others if self._is_former(process)]
        if former:
            await self._members.leave(*former)

    def _is_former(self, process: str) -> bool:
        return process.rpartition("#")[0] == self._lease.owner
