"""Build one server process out of its parts, and take it apart in reverse.

The one place where everything is made and passed in. Lanes have a store client each, so that a
fan-out never holds a connection that a single write waits for; read models share that of requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime
from functools import partial

import redis.asyncio
import structlog

from actors.bus import Bus
from actors.business_updates import BusinessUpdates
from actors.cap_gate import CapGate
from actors.connection import CloseCode
from actors.direct_sends import DirectSends
from actors.directory import Directory
from actors.dispatcher import Dispatcher
from actors.elsewhere import Elsewhere
from actors.flows.audiences import Audiences
from actors.follow_keeper import Follows
from actors.inbox import Inbox
from actors.limiter import Limiter
from actors.loop_ref import LoopActorRef
from actors.new_followers import NewFollowers
from actors.peers import Peers
from actors.publisher import Publisher
from actors.recounter import SharedRecounts
from actors.scheduler import Planned
from actors.socket_events import SocketEvents
from actors.supervisor import Supervisor
from actors.tally import Tally
from actors.user import UserActor
from config.settings import Settings
from rules.events import Lane
from rules.lease import Lease
from server.activity import Activity
from server.arrivals import Arrivals
from server.bus_assembly import BusParts, settled, start_bus
from server.campaigns import Campaigns
from server.client_address import ClientAddresses
from server.exports import Exports
from server.garbage import measure_garbage_pauses
from server.hub import Hub
from server.idempotency import IdempotentRequests
from server.images import open_images
from server.in_flight import InFlight
from server.kept_pages import KeptPages
from server.lanes import Desk
from server.links import MachineLinks
from server.loop_lag import measure_loop_lag
from server.mail_templates import open_mail_templates
from server.open_files import file_limit, room_for
from server.origins import Origins
from server.overview import Overview
from server.page_templates import PageTemplates
from server.rate_limiting import RateLimiting
from server.readiness import Readiness
from server.sending import Sending
from server.service import Service
from server.simulation import Simulation
from server.singletons import start_singletons, tell
from server.socket_limits import SocketLimits
from server.statistics import Statistics
from server.store_clients import StoreClients
from server.stream_reader import StreamReader
from server.timetable import keep_time
from server.verifier import verifier_for
from server.webhooks.doors import open_doors
from server.webhooks.feedback_intake import FeedbackIntake
from storage.bus_streams import BusStreams
from storage.cap_ledger import CapLedger
from storage.charges import ChargesRepository
from storage.click_links import ClickLinks
from storage.client import StoreUnavailable
from storage.daily_caps import DailyCaps
from storage.encryption import FieldCipher
from storage.event_stream import EventStream
from storage.indexes import ensure_indexes
from storage.names import NameResolver
from storage.positions import PositionClock
from storage.rate_windows import RateWindows
from storage.registrations import Registrations
from storage.stores import Stores, open_stores
from storage.unsubscribe_links import UnsubscribeLinks
from tasks.hueys import open_hueys
from tasks.queue import DeliveryQueue

CLOSE_WITHIN_S = 2.0
STOP_WITHIN_S = 8.0
LEAVE_WITHIN_S = 4.0
"""Shares of a stop, beside those of serve.py and stream_reader.py; the launcher kills later."""

log = structlog.get_logger(__name__)


async def assemble(
    settings: Settings,
    stack: AsyncExitStack,
    *,
    on_superseded: Callable[[], None],
    socket_limits: SocketLimits | None = None,
) -> Service:
    """Build and start the parts; `stack` stops them, the last started first.

    Raises StoreUnavailable when MongoDB is not there. `on_superseded` is called when another
    incarnation of this process has begun and this one has to go.
    """
    limits = socket_limits or SocketLimits(
        messages_per_minute=settings.rate_limits.websocket_messages_per_minute
    )
    assert settings.queue_redis_url is not None
    clients = StoreClients(settings, stack)
    clock = PositionClock()
    cipher = FieldCipher(settings.encryption_keys)
    database = clients.database("server")
    await ensure_indexes(database)
    await clock.measure(database)
    stores = open_stores(database, cipher, clock)
    names = NameResolver(stores.users, stores.businesses)

    redis_store, reading = clients.redis(), clients.redis(retries=0)
    lease = await stores.processes.register(settings.instance, "server")
    stack.push_async_callback(_leave, stores, lease)

    supervisor = Supervisor()
    peers = Peers(clock.store_now())
    bus = Bus(peers, clock, Registrations(redis_store), supervisor.ref)
    directory = Directory(
        partial(
            UserActor.start,
            notifications=stores.notifications,
            recounts=SharedRecounts(partial(supervisor.ref, "recounter")),
            names=names,
            clock=clock,
            bus=bus,
        ),
        bus,
        connections_per_user=limits.connections_per_user,
    )
    hub = Hub(limits)
    socket_events = SocketEvents(directory, bus)
    caps = DailyCaps(
        CapLedger(redis_store),
        # By a client of its own: whoever waits for it holds no connection of another's.
        ChargesRepository(clients.database("caps")),
        clock,
    )
    await caps.begin(is_first=await stores.processes.is_first(lease))
    queue = DeliveryQueue(open_hueys(settings.queue_redis_url))
    publisher = partial(
        Publisher,
        clock=clock,
        directory=directory,
        bus=bus,
        caps=CapGate(settings.daily_caps, caps),
        queue=queue,
        writer=str(lease),
    )
    desks = {Lane.READ_MODEL: _desk(stores, names, publisher)}
    for lane in (Lane.CRITICAL, Lane.SINGLE, Lane.FAN_OUT, Lane.SHARE, Lane.CAMPAIGN):
        own = open_stores(clients.database(lane), cipher, clock)
        desks[lane] = _desk(own, NameResolver(own.users, own.businesses), publisher)
    tally = Tally()
    stack.push_async_callback(supervisor.stop_all, deadline_s=STOP_WITHIN_S)
    links = MachineLinks.of(settings)
    stack.push_async_callback(
        links.close_after,
        partial(directory.close_all, CloseCode.SERVER_RESTARTING, deadline_s=CLOSE_WITHIN_S),
    )
    parts = BusParts(
        redis=redis_store,
        streams=BusStreams(redis_store, reading),
        peers=peers,
        directory=directory,
        elsewhere=Elsewhere(peers, clock, partial(supervisor.ref, "bus.carrier"), links),
        stores=stores,
        names=names,
        clock=clock,
        lease=lease,
        connections_per_user=limits.connections_per_user,
    )
    answering = start_bus(
        supervisor, parts, lambda name, message: partial(tell, supervisor, name, message)
    )
    await links.begin(str(lease), parts.elsewhere, answering, stack)
    start_singletons(
        supervisor,
        stores=stores,
        desks=desks,
        socket_events=socket_events,
        clock=clock,
        lease=lease,
        peers=peers,
        tally=tally,
        campaign_recipients_per_s=settings.campaign_recipients_per_s,
        is_alone=lambda: bus.is_alone,
        on_superseded=on_superseded,
    )
    supervisor.start("limiter", partial(Limiter.start, RateWindows(redis_store)))
    keep_time(supervisor, stack, partial(clock.measure, database))
    queue_redis = redis.asyncio.Redis.from_url(settings.queue_redis_url)
    stack.push_async_callback(queue_redis.aclose)
    dispatcher: Callable[[], LoopActorRef[Dispatcher]] = partial(supervisor.ref, "dispatcher")
    images = open_images(settings, stores.images, clock, stack)
    StreamReader(EventStream(redis_store, settings.instance), dispatcher, images).keep_reading(
        stack
    )
    tokens = verifier_for(settings)
    stack.push_async_callback(tokens.close)
    tokens.start()
    await settled(peers)
    hub.keep_looking(stack)
    stack.push_async_callback(hub.drain, within_s=CLOSE_WITHIN_S)
    inbox = Inbox(directory, stores.notifications, clock, bus, parts.elsewhere)
    requests = IdempotentRequests(stores.idempotency_keys, stores.processes, clock, lease)
    return Service(
        settings=settings,
        stores=stores,
        names=names,
        clock=clock,
        tokens=tokens,
        addresses=ClientAddresses(settings.trusted_proxies),
        rate_limits=RateLimiting(settings.rate_limits, partial(supervisor.ref, "limiter")),
        directory=directory,
        hub=hub,
        arrivals=Arrivals(tally, hub.__len__, most_here=room_for(settings.sockets, file_limit())),
        origins=Origins(settings.allowed_origins, settings.trusted_proxies),
        inbox=inbox,
        pages=KeptPages(inbox, names),
        follows=Follows(partial(supervisor.ref, "follow_keeper")),
        new_followers=NewFollowers(stores.businesses, names, socket_events),
        business_updates=BusinessUpdates(dispatcher, stores.events),
        campaigns=Campaigns(
            campaigns=stores.campaigns,
            schedules=stores.schedules,
            audiences=Audiences(replace(stores, segments=stores.segment_previews)),
            dispatcher=dispatcher,
            clock=clock,
            on_planned=partial(_wake_by, supervisor),
        ),
        activity=Activity(clock.store_now, partial(tell, supervisor, "activity")),
        requests=requests,
        sending=Sending(
            direct_sends=DirectSends(dispatcher, stores.events, stores.notifications, clock),
            schedules=stores.scheduled_sends,
            users=stores.users,
            names=names,
            requests=requests,
            clock=clock,
            on_planned=partial(_wake_by, supervisor),
        ),
        tally=tally,
        loop_lag=measure_loop_lag(stack),
        garbage_pauses=measure_garbage_pauses(stack),
        mailboxes=lambda: {**supervisor.waiting(), "users": directory.waiting()},
        readiness=Readiness(database, clock, redis_store, queue_redis),
        in_flight=InFlight(),
        simulation=Simulation(stores, settings.daily_caps),
        statistics=Statistics(stores, clock),
        overview=Overview(stores, queue, clock),
        exports=Exports(),
        unsubscribe_links=UnsubscribeLinks(settings.encryption_keys, settings.public_url),
        click_links=ClickLinks(settings.encryption_keys, settings.public_url),
        page_templates=PageTemplates(),
        images=images,
        mail_templates=open_mail_templates(stores, clock, settings.public_url, stack),
        webhooks=open_doors(
            settings,
            FeedbackIntake(stores.delivery_feedback, stores.reachability, clock, tally),
            stack,
        ),
        dispatcher=dispatcher,
    )


def _wake_by(supervisor: Supervisor, at: datetime) -> None:
    tell(supervisor, "scheduler", Planned(at))


def _desk(stores: Stores, names: NameResolver, publisher: Callable[..., Publisher]) -> Desk:
    made = publisher(notifications=stores.notifications, names=names)
    return Desk(stores=stores, names=names, publisher=made)


async def _leave(stores: Stores, lease: Lease) -> None:
    """Leave what is unfinished to others and go off the list; else they find it by our silence."""
    try:
        async with asyncio.timeout(LEAVE_WITHIN_S):
            await stores.events.release_all(lease)
            await stores.processes.remove(lease)
    except (StoreUnavailable, TimeoutError) as error:
        log.warning("left_without_a_word", reason=str(error))
