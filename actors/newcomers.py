"""Tell the processes that have a user already that the user has come here as well.

Until they have heard of it they may store something and tell nobody (actors/only_here.py), so the
store is not read for that user before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from uuid import UUID

import structlog

from actors.notices import Arrived
from actors.peers import Peers
from storage.bus_streams import BusStreams

HEARD_WITHIN_S = 3.5
"""Above the time for which a process relies on what it has not heard otherwise."""

LOOK_EVERY_S = 0.1
"""How often it is seen to who has gone meanwhile."""

log = structlog.get_logger(__name__)


class Arrival:
    """Users who have come here, and the other processes that have yet to hear of it."""

    def __init__(self, users: Mapping[str, Sequence[UUID]]) -> None:
        self.unheard = dict(users)
        """Which process is to hear of whom."""

        self._is_over = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Whether nobody can rely on the contrary any more."""
        return self._is_over.is_set()

    def concerns(self, user_id: UUID) -> bool:
        """Tell whether some process has yet to hear of `user_id`."""
        return any(user_id in users for users in self.unheard.values())

    def end(self) -> None:
        """Let those go on who wait."""
        self._is_over.set()

    async def heard(self) -> None:
        """Return when all have heard of it that may rely on the contrary."""
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
        users = {
            process: some for process, some in came.items() if self._peers.may_be_relying(process)
        }
        if not users:
            return
        serial = next(self._serials)
        # First: it may be heard of before it is known here that it was told.
        self._open[serial] = Arrival(users)
        try:
            await self._streams.add(
                (process, Arrived(self._process, serial, tuple(some)).fields())
                for process, some in users.items()
            )
        except BaseException:
            self._end(serial)
            raise
        loop = asyncio.get_running_loop()
        loop.call_later(HEARD_WITHIN_S, self._end, serial)
        if self._looking is None:
            self._looking = loop.call_later(LOOK_EVERY_S, self._look)

    def hear(self, process: str, serial: int) -> None:
        """Take note that a process has heard what it was told."""
        arrival = self._open.get(serial)
        if arrival is None:
            return
        arrival.unheard.pop(process, None)
        if not arrival.unheard:
            self._end(serial)

    def unheard(self, user_id: UUID | None = None) -> Sequence[Arrival]:
        """Return what is to be heard before the store is read for `user_id`, or for all."""
        return [
            arrival
            for arrival in self._open.values()
            if user_id is None or arrival.concerns(user_id)
        ]

    def _look(self) -> None:
        """Wait no more for those who have gone."""
        self._looking = None
        waited_for = {process for arrival in self._open.values() for process in arrival.unheard}
        for process in waited_for:
            if not self._peers.may_be_relying(process) or self._has_died(process):
                for serial in list(self._open):
                    self.hear(process, serial)
        if self._open:
            loop = asyncio.get_running_loop()
            self._looking = loop.call_later(LOOK_EVERY_S, self._look)

    def _end(self, serial: int) -> None:
        arrival = self._open.pop(serial, None)
        if arrival is None:
            return
        arrival.end()
        if arrival.unheard:
            log.info("arrival_not_heard", processes=sorted(arrival.unheard))
