"""The actor that has what concerns the users who are here sent here, and their connections counted.

How many a user has over all processes, Redis knows; whose is the oldest of too many is told to the
process that has it.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from actors.asked import Asked
from actors.batch_actor import BatchActor
from actors.directory import Directory
from actors.newcomers import Arrival, Newcomers
from actors.notices import Evicted
from actors.peers import Peers
from storage.bus_streams import BusStreams
from storage.collection import portions
from storage.presence import Place, Presence
from storage.redis import RedisUnavailable
from storage.registrations import REGISTERED_FOR_S, Registrations

REFRESH_EVERY_S = REGISTERED_FOR_S / 3

USERS_AT_ONCE = 2_000
"""Of a refresh, in one round trip: about 20 ms of Redis."""


@dataclass(frozen=True, slots=True)
class Register:
    """Register a user. Asked; from the reply on, what others announce comes here.

    What they store comes here, or is there to be read, once each `Arrival` is heard that is
    replied: none where nobody else has the user.
    """

    user_id: UUID


@dataclass(frozen=True, slots=True)
class Forget:
    """Let a user go who may have left."""

    user_id: UUID


@dataclass(frozen=True, slots=True)
class RegisterAll:
    """Register everybody who is here. Asked, with a reply like that to `Register`, or told."""

    is_anew: bool = False
    """Whether others may know nothing of who is here."""


@dataclass(frozen=True, slots=True)
class RegisterWaiting:
    """Register who has come while there was nobody else. Asked; raises RedisUnavailable.

    Whoever asks is about to be seen by others, who rely on it.
    """


@dataclass(frozen=True, slots=True)
class Opened:
    """Count a connection that is here."""

    user_id: UUID
    serial: int


@dataclass(frozen=True, slots=True)
class Closed:
    """Count it no more."""

    user_id: UUID
    serial: int


Registering: TypeAlias = Register | Forget | RegisterAll | RegisterWaiting | Opened | Closed


class BusRegistrar(BatchActor[Registering]):
    """Keeps the registrations of the users who are here: all that wait, by one round trip.

    `on_missed` is called when one could not be made: then somebody has to look for what they
    missed. Whoever asked goes on without, but for who asked for all that wait.
    """

    batch_limit = 1_000

    def __init__(
        self,
        *,
        registrations: Registrations,
        presence: Presence,
        streams: BusStreams,
        newcomers: Newcomers,
        directory: Directory,
        peers: Peers,
        process: str,
        on_missed: Callable[[], None],
    ) -> None:
        super().__init__()
        self._registrations = registrations
        self._presence = presence
        self._streams = streams
        self._newcomers = newcomers
        self._directory = directory
        self._peers = peers
        self._process = process
        self._on_missed = on_missed
        self._counted: set[Place] = set()
        """What Redis may know of the connections here."""

    async def on_receive_many(self, messages: Sequence[Asked[Registering]]) -> None:
        """Remove who has left, add who has come, and answer."""
        failure: RedisUnavailable | None = None
        try:
            await self._carry_out([asked.message for asked in messages])
        except RedisUnavailable as error:
            failure = error
            self._on_missed()
        for asked in messages:
            if failure is not None and isinstance(asked.message, RegisterWaiting):
                asked.fail(failure)
            elif asked.is_asked:
                asked.reply(self._unheard(asked.message))

    async def _carry_out(self, messages: Sequence[Registering]) -> None:
        arriving = {each.user_id for each in messages if isinstance(each, Register)}
        coming = set(arriving)
        leaving = {each.user_id for each in messages if isinstance(each, Forget)} - arriving
        # Who left and came back has been, or is about to be, registered by another actor.
        gone = {user_id for user_id in leaving if self._directory.find(user_id) is None}
        self._peers.only_here.forget(gone)
        await self._registrations.remove(self._process, gone)
        waiting = set(self._peers.unregistered)
        if any(isinstance(each, RegisterAll) for each in messages):
            arriving |= set(self._directory.user_ids())
            self._peers.only_here.forget_former()
        elif any(isinstance(each, RegisterWaiting) for each in messages):
            arriving |= waiting
        if any(each.is_anew for each in messages if isinstance(each, RegisterAll)):
            coming = arriving
        for some in portions(arriving, USERS_AT_ONCE):
            await self._register(some, coming)
        self._peers.unregistered -= waiting & arriving
        await self._count_connections(messages)

    async def _register(self, user_ids: Sequence[UUID], coming: AbstractSet[UUID]) -> None:
        """Register some; the processes that have them too are told of those who have come."""
        only_here = self._peers.only_here
        only_here.begin()
        registered = await self._registrations.add(self._process, user_ids)
        only_here.settle(registered)
        came: dict[str, list[UUID]] = defaultdict(list)
        for user_id, found in registered.items():
            # Of who is registered again, others know.
            if found.is_new or user_id in coming:
                for process in found.others:
                    came[process].append(user_id)
        await self._newcomers.tell(came)

    def _unheard(self, message: Registering) -> Sequence[Arrival]:
        """Return what is to be heard before who asked for `message` may read the store."""
        match message:
            case Register(user_id):
                return self._newcomers.unheard(user_id)
            case RegisterAll():
                return self._newcomers.unheard()
            case _:
                return ()

    async def _count_connections(self, messages: Sequence[Registering]) -> None:
        """Take in which connections came and went, and have those that are too many closed."""
        closed = {self._place(each) for each in messages if isinstance(each, Closed)}
        opened = {self._place(each): 0.0 for each in messages if isinstance(each, Opened)}
        if any(isinstance(each, RegisterAll) for each in messages) and not self._peers.are_none:
            now_s = time.monotonic()
            for user_id, here in self._directory.connections():
                opened[Place(user_id, self._process, here.serial)] = now_s - here.at_s
            # Some may have gone while this process was alone, or Redis away.
            closed |= self._counted - opened.keys()
        for some in portions(closed, USERS_AT_ONCE):
            await self._presence.close(some)
            self._counted.difference_update(some)
        still = [(place, age_s) for place, age_s in opened.items() if place not in closed]
        alive = {self._process, *self._peers.others}
        for some_opened in portions(still, USERS_AT_ONCE):
            self._counted.update(place for place, _ in some_opened)
            await self._evict(await self._presence.open(some_opened, alive=alive))

    async def _evict(self, places: Sequence[Place]) -> None:
        elsewhere = []
        for place in places:
            if place.process == self._process:
                self._directory.evict(place.user_id, place.serial)
            else:
                elsewhere.append((place.process, Evicted(place.user_id, place.serial).fields()))
        if elsewhere:
            await self._streams.add(elsewhere)

    def _place(self, named: Opened | Closed) -> Place:
        return Place(named.user_id, self._process, named.serial)
