"""Start the actors of the bus, in the order in which they need one another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from actors.answering import Answering
from actors.bus import REGISTER_WITHIN_S
from actors.bus_carrier import BusCarrier
from actors.bus_member import SHOW_EVERY_S, BusMember, Join, Show
from actors.bus_reader import BusReader, FindBack
from actors.bus_registrar import (
    REFRESH_EVERY_S,
    BusRegistrar,
    RegisterAll,
    RegisterWaiting,
)
from actors.bus_writer import BusWriter, ConfessLoss
from actors.catch_up import CatchUp
from actors.directory import Directory
from actors.elsewhere import Elsewhere
from actors.handing_on import HandingOn
from actors.newcomers import Newcomers
from actors.peers import Peers
from actors.supervisor import Supervisor
from rules.lease import Lease
from storage.bus_members import BusMembers
from storage.bus_streams import BusStreams
from storage.names import NameResolver
from storage.positions import PositionClock
from storage.presence import Presence
from storage.redis import RedisStore
from storage.registrations import Registrations
from storage.stores import Stores

JOIN_WITHIN_S = 6.0
"""Above what a member waits for another that has died."""

REGISTER_ALL_WITHIN_S = 30.0

Tell = Callable[[str, object], Callable[[], None]]
"""Returns what tells a singleton a message."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BusParts:
    """What the actors of the bus are made of."""

    redis: RedisStore
    streams: BusStreams
    peers: Peers
    directory: Directory
    elsewhere: Elsewhere
    stores: Stores
    names: NameResolver
    clock: PositionClock
    lease: Lease
    connections_per_user: int


def start_bus(supervisor: Supervisor, parts: BusParts, tell: Tell) -> Answering:
    """Start them; to be done before what uses the bus, so that it outlives that.

    Returns what answers other processes, however they ask.
    """
    process = str(parts.lease)
    registrations = Registrations(parts.redis)
    streams = parts.streams

    def ask(name: str, message: object, deadline_s: float) -> Callable[[], Awaitable[Any]]:
        return lambda: supervisor.ref(name).request(message, deadline_s=deadline_s)

    answering = Answering(
        parts.directory,
        parts.clock,
        parts.peers,
        carrier=partial(supervisor.ref, "bus.carrier"),
        registrar=partial(supervisor.ref, "bus.registrar"),
    )
    newcomers = Newcomers(process, streams, parts.peers, parts.elsewhere.has_died)
    supervisor.start(
        "bus.writer",
        partial(
            BusWriter.start,
            registrations=registrations,
            streams=streams,
            process=process,
            peers=parts.peers,
            clock=parts.clock,
        ),
    )
    supervisor.start(
        "bus.carrier",
        partial(
            BusCarrier.start,
            registrations=registrations,
            streams=streams,
            process=process,
            pending=parts.elsewhere.pending,
            whereabouts=parts.elsewhere.whereabouts,
            told=parts.peers.told,
            ask_by_link=parts.elsewhere.ask_by_link,
        ),
    )
    supervisor.start(
        "bus.registrar",
        partial(
            BusRegistrar.start,
            registrations=registrations,
            presence=Presence(parts.redis, connections_per_user=parts.connections_per_user),
            streams=streams,
            newcomers=newcomers,
            directory=parts.directory,
            peers=parts.peers,
            process=process,
            on_missed=tell("bus.reader", FindBack()),
        ),
    )
    supervisor.start(
        "bus.member",
        partial(
            BusMember.start,
            members=BusMembers(parts.redis),
            streams=streams,
            lease=parts.lease,
            peers=parts.peers,
            clock=parts.clock,
            register_waiting=ask("bus.registrar", RegisterWaiting(), REGISTER_WITHIN_S),
            on_lapsed=tell("bus.reader", FindBack()),
            on_loss=tell("bus.writer", ConfessLoss()),
            on_company=tell("bus.registrar", RegisterAll()),
        ),
    )
    supervisor.start(
        "bus.reader",
        partial(
            BusReader.start,
            process=process,
            streams=streams,
            peers=parts.peers,
            elsewhere=parts.elsewhere,
            handing_on=HandingOn(
                directory=parts.directory,
                peers=parts.peers,
                elsewhere=parts.elsewhere,
                answering=answering,
                newcomers=newcomers,
                carrier=partial(supervisor.ref, "bus.carrier"),
            ),
            catch_up=CatchUp(
                directory=parts.directory,
                notifications=parts.stores.notifications,
                names=parts.names,
                clock=parts.clock,
            ),
            clock=parts.clock,
            join=ask("bus.member", Join(), JOIN_WITHIN_S),
            register_all=ask("bus.registrar", RegisterAll(is_anew=True), REGISTER_ALL_WITHIN_S),
            has_company=partial(_has_company, parts.stores, parts.lease),
            on_joined=tell("bus.member", Show()),
        ),
    )
    return answering


def bus_timetable() -> Iterable[tuple[str, object, float]]:
    """Return what the actors of the bus do by the clock: who, what, how often in seconds."""
    return (
        ("bus.member", Show(), SHOW_EVERY_S),
        ("bus.registrar", RegisterAll(), REFRESH_EVERY_S),
    )


async def settled(peers: Peers) -> None:
    """Wait until others know of this process, or it is clear that they cannot just now."""
    try:
        async with asyncio.timeout(2 * JOIN_WITHIN_S):
            await peers.settled.wait()
    except TimeoutError:
        log.warning("bus_not_settled")


async def _has_company(stores: Stores, lease: Lease) -> bool:
    rows = await stores.processes.list()
    return any(row.kind == "server" and row.lease != lease for row in rows)
