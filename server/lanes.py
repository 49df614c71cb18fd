"""Start the lanes of one server process, each at a desk of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from actors.fan_out_lane import IN_HAND as FAN_OUTS_IN_HAND
from actors.fan_out_lane import FanOutLane
from actors.flows.campaigns import STARTED
from actors.flows.plan import SubjectFlow
from actors.flows.registry import campaign_flow, fan_out_flows, read_model_flows, single_flows
from actors.lanes import Lanes
from actors.loop_ref import LoopActorRef
from actors.planning import Planning
from actors.publisher import Publisher
from actors.shares import IN_HAND as SHARES_IN_HAND
from actors.small_fan_outs import SmallFanOuts
from actors.socket_events import SocketEvents
from actors.subject_lane import IN_HAND as SUBJECTS_IN_HAND
from actors.subject_lane import SubjectLane
from actors.supervisor import Supervisor
from actors.tally import Tally
from rules.events import Lane
from rules.lease import Lease
from storage.names import NameResolver
from storage.positions import PositionClock
from storage.stores import Stores


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a lane works with, over one store client."""

    stores: Stores
    names: NameResolver
    publisher: Publisher


def start_lanes(
    supervisor: Supervisor,
    desks: Mapping[Lane, Desk],
    *,
    socket_events: SocketEvents,
    clock: PositionClock,
    lease: Lease,
    claim: Callable[[Lane | None], None],
    on_planned: Callable[[datetime], None],
    tally: Tally,
    campaign_recipients_per_s: float,
    is_alone: Callable[[], bool],
) -> Lanes:
    """Start a lane for each desk; `claim` has a lane, or all, take what nobody has.

    `on_planned` is called with when what a flow has planned is to happen, and `is_alone` tells
    whether there is surely no other process to share a fan-out with.
    """
    lanes = Lanes()
    # Each lane's own: whoever changes a name has every desk forget the old one.
    resolvers = tuple(desk.names for desk in desks.values())

    def start_subjects(
        lane: Lane, desk: Desk, flows: Mapping[str, SubjectFlow]
    ) -> LoopActorRef[Any]:
        return SubjectLane.start(
            flows=flows,
            events=desk.stores.events,
            users=desk.stores.users,
            publisher=desk.publisher,
            socket_events=socket_events,
            clock=clock,
            lease=lease,
            workload=lanes.renew(lane, SUBJECTS_IN_HAND),
        )

    def planning(desk: Desk) -> Planning:
        return Planning(desk.stores.schedules, on_planned, clock, tally)

    def start_fan_outs(lane: Lane, desk: Desk) -> LoopActorRef[Any]:
        flows = fan_out_flows(desk.stores, desk.names, planning(desk), clock)
        is_share = lane is Lane.SHARE
        return FanOutLane.start(
            flows=flows,
            events=desk.stores.events,
            publisher=desk.publisher,
            clock=clock,
            lease=lease,
            workload=lanes.renew(lane, SHARES_IN_HAND if is_share else FAN_OUTS_IN_HAND),
            on_room=partial(claim, lane),
            tally=tally,
            is_alone=is_alone,
            small=None
            if is_share
            else SmallFanOuts(
                flows=flows,
                events=desk.stores.events,
                users=desk.stores.users,
                publisher=desk.publisher,
                clock=clock,
                lease=lease,
                tally=tally,
            ),
        )

    def start_campaigns(lane: Lane, desk: Desk) -> LoopActorRef[Any]:
        flow = campaign_flow(desk.stores, clock)
        return FanOutLane.start(
            flows={STARTED: flow},
            events=desk.stores.events,
            publisher=desk.publisher,
            clock=clock,
            lease=lease,
            workload=lanes.renew(lane, FAN_OUTS_IN_HAND),
            on_room=partial(claim, lane),
            tally=tally,
            is_alone=is_alone,
            recipients_per_s=campaign_recipients_per_s,
            on_given_up=flow.give_up,
        )

    for lane, desk in desks.items():
        if lane in {Lane.FAN_OUT, Lane.SHARE}:
            start = partial(start_fan_outs, lane, desk)
        elif lane is Lane.CAMPAIGN:
            start = partial(start_campaigns, lane, desk)
        elif lane is Lane.READ_MODEL:
            start = partial(
                start_subjects,
                lane,
                desk,
                read_model_flows(
                    desk.stores, resolvers, planning(desk), clock, partial(claim, None)
                ),
            )
        else:
            flows = single_flows(desk.stores, desk.names, clock)
            start = partial(start_subjects, lane, desk, flows)
        name = f"lane.{lane}"
        lanes.add(lane, partial(supervisor.ref, name))
        supervisor.start(name, start)
    return lanes
