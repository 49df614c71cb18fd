"""The actor that sends what happened here to the processes where it concerns somebody.

All that waits goes by two round trips: one for the registrations of everybody it concerns, and one
for the streams. What could not be sent is not kept: the others are told since when they lack
something, as soon as they can be told anything, and look into MongoDB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from types import TracebackType
from typing import TypeAlias
from uuid import UUID

import structlog

from actors.asked import Asked
from actors.batch_actor import BatchActor
from actors.notices import Lost
from actors.parcels import Parcel
from actors.peers import Peers
from storage.bus_streams import BusStreams, Fields
from storage.positions import PositionClock
from storage.redis import RedisUnavailable
from storage.registrations import Registrations

WAITED_AT_MOST = timedelta(seconds=10)
"""How long ago what could not be sent was stored."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Post:
    """Send what is stored. When asked, replies whether it is on its way wherever it concerns."""

    parcels: Sequence[Parcel]

    def user_ids(self) -> Iterator[UUID]:
        """Yield whom it is about, once for each parcel."""
        return chain.from_iterable(parcel.user_ids for parcel in self.parcels)


@dataclass(frozen=True, slots=True)
class ConfessLoss:
    """Tell the others since when they lack something."""


Writing: TypeAlias = Post | ConfessLoss


class BusWriter(BatchActor[Writing]):
    """Writes to the streams of the others."""

    mailbox_limit = 2_000
    batch_limit = 100

    def __init__(
        self,
        *,
        registrations: Registrations,
        streams: BusStreams,
        process: str,
        peers: Peers,
        clock: PositionClock,
    ) -> None:
        super().__init__()
        self._registrations = registrations
        self._streams = streams
        self._process = process
        self._peers = peers
        self._clock = clock

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Have what was still to be written confessed by the next writer."""
        self._peers.lose(self._clock.store_now() - WAITED_AT_MOST)
        self._peers.told.end_all()

    async def on_receive_many(self, messages: Sequence[Asked[Writing]]) -> None:
        """Send all parcels, and answer."""
        if any(isinstance(asked.message, ConfessLoss) for asked in messages):
            await self._confess_loss()
        posts = [asked.message for asked in messages if isinstance(asked.message, Post)]
        try:
            is_sent = await self._send([parcel for post in posts for parcel in post.parcels])
        finally:
            for post in posts:
                self._peers.told.end(post.user_ids())
        for asked in messages:
            if asked.is_asked:
                asked.reply(is_sent)

    async def _send(self, parcels: Sequence[Parcel]) -> bool:
        if self._peers.are_none:
            return True
        if self._peers.lost_since is not None:
            # They will be told of this as well; until then nobody waits for Redis.
            return False
        user_ids = {user_id for parcel in parcels for user_id in parcel.user_ids}
        try:
            registered = await self._registrations.find(user_ids)
            await self._add(
                [
                    (process, parcel.part_for(users).fields())
                    for process, users in registered.items()
                    if process != self._process
                    for parcel in parcels
                    if not users.isdisjoint(parcel.user_ids)
                ]
            )
        except RedisUnavailable as error:
            log.warning("bus_not_written", reason=error.reason)
            self._peers.lose(self._clock.store_now() - WAITED_AT_MOST)
            return False
        return True

    async def _confess_loss(self) -> None:
        since = self._peers.lost_since
        if since is None:
            return
        # What is lost meanwhile is confessed the next time.
        self._peers.lost_since = None
        self._peers.is_confessing = True
        notice = Lost(since).fields()
        try:
            await self._add([(process, notice) for process in self._peers.others])
        except RedisUnavailable:
            self._peers.lose(since)
        finally:
            self._peers.is_confessing = False

    async def _add(self, parcels: Sequence[tuple[str, Fields]]) -> None:
        numbers = await self._streams.add(parcels)
        for (process, _), number in zip(parcels, numbers, strict=True):
            self._peers.told.wrote(process, number)
