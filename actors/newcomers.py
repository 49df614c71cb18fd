"""Tell the processes that have a user already that the user has come here as well.

Until they have heard of it they may store something and tell nobody (actors/only_here.py), so the
store is not read for that user before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from uuid import UUID

import structlog

from actors.notices import Came
from actors.peers import Peers
from storage.bus_streams import BusStreams

HEARD_WITHIN_S = 3.5
"""Above the time for which a process relies on what it has not heard otherwise."""

LOOK_EVERY_S = 0.1
"""How often it is seen to who has gone meanwhile."""

log = structlog.get_logger(__name__)


class Arrival:
    """Users who have come here, of whom another process has yet to hear."""

    def __init__(self, process: str, user_ids: Sequence[UUID]) -> None:
        self.process = process
        self.user_ids = frozenset(user_ids)
        self._is_over = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Whether that process has heard of it, or cannot rely on the contrary any more."""
        return self._is_over.is_set()

    def end(self) -> None:
        """Let those go on who wait."""
        self._is_over.set()

    async def heard(self) -> None:
        """Return when it is over."""
        await self._is_over.wait()


class Newcomers:
    """What others are told of who came here, until they have heard it."""

    def __init__(
        self, process: str, streams: BusStreams, peers: Peers, has_died: Callable[[str], bool]
    ) -> None:
        self._process = process
        self._streams = streams
        self._peers = peers
        self._has_died = has_died
        self._open: dict[int, Arrival] = {}
        """None for longer than others have to hear of it."""

        self._serials = count(1)
        self._looking: asyncio.TimerHandle | None = None

    async def tell(self, came: Mapping[str, Sequence[UUID]]) -> None:
        """Tell each process which of its users came here. Raises RedisUnavailable."""
        arrivals = {
            next(self._serials): Arrival(process, user_ids)
            for process, user_ids in came.items()
            if self._peers.may_be_relying(process)
        }
        if not arrivals:
            return
        # First: it may be heard of before it is known here that it was told.
        self._open |= arrivals
        try:
            await self._streams.add(
                (each.process, Came(self._process, serial, tuple(each.user_ids)).fields())
                for serial, each in arrivals.items()
            )
        except BaseException:
            for serial in arrivals:
                self._end(serial)
            raise
        loop = asyncio.get_running_loop()
        loop.call_later(HEARD_WITHIN_S, self._give_up, tuple(arrivals))
        if self._looking is None:
            self._looking = loop.call_later(LOOK_EVERY_S, self._look)

    def hear(self, serial: int) -> None:
        """Take note that a process has heard what it was told."""
        self._end(serial)

    def unheard(self, user_id: UUID | None = None) -> Sequence[Arrival]:
        """Return what is to be heard before the store is read for `user_id`, or for all."""
        return [
            arrival
            for arrival in self._open.values()
            if user_id is None or user_id in arrival.user_ids
        ]

    def _look(self) -> None:
        """Wait no more for those who have gone."""
        self._looking = None
        for process in {arrival.process for arrival in self._open.values()}:
            if not self._peers.may_be_relying(process) or self._has_died(process):
                self._give_up(
                    [serial for serial, each in self._open.items() if each.process == process]
                )
        if self._open:
            loop = asyncio.get_running_loop()
            self._looking = loop.call_later(LOOK_EVERY_S, self._look)

    def _give_up(self, serials: Iterable[int]) -> None:
        unheard = {arrival.process for serial in serials if (arrival := self._end(serial))}
        if unheard:
            log.info("arrival_not_heard", processes=sorted(unheard))

    def _end(self, serial: int) -> Arrival | None:
        arrival = self._open.pop(serial, None)
        if arrival is not None:
            arrival.end()
        return arrival
