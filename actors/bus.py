"""Reach the users of other server processes, and have others reach those who are here.

The order is what makes it whole: who connects registers and then reads MongoDB; who has something
to tell inserts and then reads the registrations. Either the reader sees the row or the writer sees
the reader. As long as this process is surely alone, there is nobody to tell and nothing to read; of
who is surely only here (actors/only_here.py), there is nobody to tell.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Sequence
from typing import Any
from uuid import UUID

import structlog
from pykka import ActorDeadError

from actors.bus_reader import FindBack
from actors.bus_registrar import Closed, Forget, Opened, Register, Registering
from actors.bus_writer import WAITED_AT_MOST, Post
from actors.frames import RowsAnnounced
from actors.loop_ref import DeadlineExceeded, LoopActorRef
from actors.mailbox import MailboxFull
from actors.newcomers import Arrival
from actors.parcels import Announced, Parcel
from actors.peers import Peers
from storage.positions import PositionClock
from storage.redis import RedisUnavailable
from storage.registrations import Registrations

REGISTER_WITHIN_S = 5.0
POST_WITHIN_S = 5.0

_BEHIND = (ActorDeadError, MailboxFull, DeadlineExceeded)

log = structlog.get_logger(__name__)

FindActor = Callable[[str], LoopActorRef[Any]]


class Bus:
    """The bus as the rest of the process sees it. Nothing here raises because Redis is away."""

    def __init__(
        self,
        peers: Peers,
        clock: PositionClock,
        registrations: Registrations,
        find_actor: FindActor,
    ) -> None:
        self._peers = peers
        self._clock = clock
        self._registrations = registrations
        self._find_actor = find_actor

    @property
    def is_alone(self) -> bool:
        """Whether there is surely no other process."""
        return self._peers.are_none

    @property
    def caught_up(self) -> int | None:
        """How often all was known here that others had told; None while some may be missing."""
        return self._peers.times_caught_up if self._peers.is_caught_up else None

    async def register(self, user_id: UUID) -> None:
        """Have what others announce to `user_id` sent here: what they insert from now on.

        While that cannot be done, somebody looks into MongoDB for it. Alone there is nothing to
        wait for: who joins does not insert before this process has shown itself once more, and
        before that all are registered (actors/bus_member.py).
        """
        if not self._peers.is_joined:
            return
        if self._peers.are_none:
            self._peers.unregistered.add(user_id)
            return
        try:
            unheard: Sequence[Arrival] = await self._find_actor("bus.registrar").request(
                Register(user_id), deadline_s=REGISTER_WITHIN_S
            )
        except _BEHIND as error:
            log.warning("not_registered", user_id=str(user_id), error=repr(error))
            with contextlib.suppress(*_BEHIND):
                self._find_actor("bus.reader").tell(FindBack())
        else:
            for arrival in unheard:
                await arrival.heard()

    def forget(self, user_id: UUID) -> None:
        """Have nothing more sent here for `user_id`; it is not sent for ever anyway."""
        if user_id in self._peers.unregistered:
            self._peers.unregistered.discard(user_id)
        elif self._peers.is_joined:
            self._tell_registrar(Forget(user_id))

    def opened(self, user_id: UUID, serial: int) -> None:
        """Have a connection counted among all that its user has; alone there is nothing to add."""
        if self._peers.is_joined and not self._peers.are_none:
            self._tell_registrar(Opened(user_id, serial))

    def closed(self, user_id: UUID, serial: int) -> None:
        """Have a connection counted no more."""
        if self._peers.is_joined and not self._peers.are_none:
            self._tell_registrar(Closed(user_id, serial))

    def _tell_registrar(self, message: Registering) -> None:
        # What it does not hear now it finds when it registers everybody again.
        with contextlib.suppress(*_BEHIND):
            self._find_actor("bus.registrar").tell(message)

    async def connected(self, user_ids: Collection[UUID]) -> set[UUID]:
        """Return those of `user_ids` who are connected to any process, as far as Redis can tell."""
        peers = self._peers
        if peers.are_none or peers.lost_since is not None:
            return set()
        try:
            return set().union(*(await self._registrations.find(user_ids)).values())
        except RedisUnavailable as error:
            log.warning("not_looked_for", users=len(user_ids), reason=error.reason)
            return set()

    async def announce(self, announcements: Sequence[RowsAnnounced]) -> bool:
        """Announce to users elsewhere; tell whether all of it is on its way, in order."""
        if self._peers.are_none:
            return True
        shared_time = self._peers.shared_time
        parcels = [
            Announced.of(rows, announcement, shared_time) for announcement, rows in announcements
        ]
        post = Post(parcels)
        if self._peers.only_here.has_all(post.user_ids()):
            return True
        self._peers.told.begin(post.user_ids())
        try:
            is_sent: bool = await self._find_actor("bus.writer").request(
                post, deadline_s=POST_WITHIN_S
            )
        except _BEHIND as error:
            self._lose(post, error)
            return False
        return is_sent

    def send(self, parcel: Parcel) -> None:
        """Send what happened, with no need to know when it has gone.

        What no row stands behind comes to nobody elsewhere whose process waits to be heard of.
        """
        if self._peers.are_none or self._peers.only_here.has_all(parcel.user_ids):
            return
        post = Post((parcel,))
        self._peers.told.begin(post.user_ids())
        try:
            self._find_actor("bus.writer").tell(post)
        except _BEHIND as error:
            self._lose(post, error)

    def _lose(self, post: Post, error: Exception) -> None:
        log.warning("bus_behind", error=repr(error))
        # What was not waited for may be written yet.
        if not isinstance(error, DeadlineExceeded):
            self._peers.told.end(post.user_ids())
        self._peers.lose(self._clock.store_now() - WAITED_AT_MOST)
