"""Start the actors of which a server process has one each, but for those of the bus."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from pykka import ActorDeadError

from actors.activity import ActivityKeeper
from actors.claimer import Claim, Claimer, TakeOver
from actors.dispatcher import Dispatcher
from actors.due_schedules import DueSchedules
from actors.follow_keeper import FollowKeeper
from actors.lease_keeper import LeaseKeeper
from actors.mailbox import MailboxFull
from actors.peers import Peers
from actors.recounter import Recounter
from actors.scheduler import Planned, Scheduler, Wake
from actors.socket_events import SocketEvents
from actors.supervisor import Supervisor
from actors.tally import Tally
from rules.events import Lane
from rules.lease import Lease
from rules.share import share_of
from server.lanes import Desk, start_lanes
from storage.positions import PositionClock
from storage.stores import Stores


def start_singletons(
    supervisor: Supervisor,
    *,
    stores: Stores,
    desks: Mapping[Lane, Desk],
    socket_events: SocketEvents,
    clock: PositionClock,
    lease: Lease,
    peers: Peers,
    tally: Tally,
    campaign_recipients_per_s: float,
    is_alone: Callable[[], bool],
    on_superseded: Callable[[], None],
) -> None:
    """Start the lanes, then what fills them; they stop in reverse."""

    def on_planned(at: datetime) -> None:
        tell(supervisor, "scheduler", Planned(at))

    def claim(lane: Lane | None) -> None:
        tell(supervisor, "claimer", Claim(lane))

    lanes = start_lanes(
        supervisor,
        desks,
        socket_events=socket_events,
        clock=clock,
        lease=lease,
        claim=claim,
        on_planned=on_planned,
        tally=tally,
        campaign_recipients_per_s=campaign_recipients_per_s,
        is_alone=is_alone,
    )
    supervisor.start(
        "claimer",
        partial(
            Claimer.start,
            events=stores.events,
            processes=stores.processes,
            lanes=lanes,
            clock=clock,
            lease=lease,
        ),
    )
    supervisor.start(
        "dispatcher", partial(Dispatcher.start, stores.events, lanes, clock, lease, tally)
    )
    supervisor.start("follow_keeper", partial(FollowKeeper.start, stores.following))
    supervisor.start(
        "scheduler",
        partial(
            Scheduler.start,
            DueSchedules(
                stores.schedules,
                clock,
                note=tally.schedules_late.observe,
                share=lambda: share_of(str(lease), peers.others),
            ),
            partial(supervisor.ref, "dispatcher"),
            clock,
        ),
    )
    supervisor.start(
        "recounter", partial(Recounter.start, stores.notifications, stores.unread_counts)
    )
    supervisor.start("activity", partial(ActivityKeeper.start, stores.last_activity))
    supervisor.start(
        "lease_keeper",
        partial(
            LeaseKeeper.start,
            processes=stores.processes,
            lease=lease,
            on_death=lambda dead: tell(supervisor, "claimer", TakeOver(dead)),
            on_superseded=on_superseded,
        ),
    )
    tell(supervisor, "claimer", TakeOver(Lease(lease.owner, lease.epoch - 1)))
    tell(supervisor, "scheduler", Wake())


def tell(supervisor: Supervisor, name: str, message: object) -> None:
    """Tell a singleton what it will be told or find again, should it be down or behind just now."""
    with contextlib.suppress(ActorDeadError, MailboxFull):
        supervisor.ref(name).tell(message)
