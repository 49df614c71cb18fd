"""Carry out deliveries: claim, prepare, begin, send, record.

The queue brings refs, and brings some of them twice or late; the row decides. A worker sends what
it has claimed, has begun, and still has a permit for, and so what another has taken over is not
sent by two. What it does not get to it gives back; what it cannot give back is found by the sweep.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import structlog

from rules.channel_health import Circuit
from rules.deliveries import Outcome, Uncertain
from storage.client import StoreUnavailable
from storage.deliveries import ROWS_AT_ONCE
from tasks.attempt import Attempt
from tasks.gathering import gathered
from tasks.letter import Destination
from tasks.liveness import RECHECK_AFTER
from tasks.pauses import ChannelPaused
from tasks.permit import PermitExpired

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rules.kinds import Channel
    from storage.deliveries import DeliveriesRepository, Ref
    from storage.positions import PositionClock
    from tasks.cap_check import CapCheck
    from tasks.dead_addresses import DeadAddresses
    from tasks.outlet import Outlet
    from tasks.pauses import Pauses
    from tasks.permit import Permit
    from tasks.preparation import Preparation, Ready
    from tasks.worker_lease import WorkerLease

GATHER_S = 0.05
"""How long what has ended waits at most for what is on its way and for as much as one update takes:
one for each would cost the store, and the worker, more than all else."""

RECORD_WAITS_S = (0.5, 1.0, 2.0, 4.0, 8.0)
"""What was sent is worth some patience with a store that is away: unrecorded, it is sent again."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Run:
    """One claim of deliveries on its way."""

    channel: Channel
    outlet: Outlet[Any]
    claim: UUID
    permit: Permit
    turn: int
    """At the slots, since it was claimed."""

    is_probe: bool
    """It is there to see whether the provider is back."""

    def may_begin(self) -> bool:
        """Tell whether the circuit lets it begin more."""
        return self.is_probe or self.outlet.is_closed()


class Deliverer:
    """Sends what is claimed, on all channels of one worker."""

    def __init__(
        self,
        *,
        deliveries: DeliveriesRepository,
        preparation: Preparation,
        outlets: Mapping[Channel, Outlet[Any]],
        pauses: Pauses,
        dead_addresses: DeadAddresses,
        caps: CapCheck,
        lease: WorkerLease,
        clock: PositionClock,
        chance: Callable[[], float] = random.random,
        record_waits_s: Sequence[float] = RECORD_WAITS_S,
        gather_s: float = GATHER_S,
    ) -> None:
        self._deliveries = deliveries
        self._preparation = preparation
        self._outlets = outlets
        self._pauses = pauses
        self._dead_addresses = dead_addresses
        self._caps = caps
        self._lease = lease
        self._clock = clock
        self._chance = chance
        self._record_waits_s = record_waits_s
        self._gather_s = gather_s

    async def carry_out(self, channel: Channel, refs: Sequence[Ref]) -> None:
        """Send those of `refs` that are queued. Raises StoreUnavailable; what is left stays due."""
        outlet = self._outlets[channel]
        try:
            await self._pauses.check(channel)
        except ChannelPaused:
            # Due at once, so that the sweep finds them as soon as the channel is resumed.
            await self._put_off(channel, refs, 0.0)
            return
        now_s = time.monotonic()
        is_probe = outlet.breaker.state(now_s) is not Circuit.CLOSED
        admitted = outlet.breaker.admit(len(refs), now_s)
        if admitted:
            try:
                await self._carry_out(channel, refs[:admitted], outlet, is_probe=is_probe)
            finally:
                if is_probe:
                    outlet.breaker.forget_probe()
        if admitted < len(refs):
            await self._put_off(channel, refs[admitted:], outlet.rests_for_s())

    async def _put_off(self, channel: Channel, refs: Sequence[Ref], for_s: float) -> None:
        """Leave `refs` queued in the store, where the sweep finds them `for_s` from now."""
        until = self._clock.store_now() + timedelta(seconds=for_s)
        await self._deliveries.put_off(channel.value, refs, until=until)

    async def _carry_out(
        self, channel: Channel, refs: Sequence[Ref], outlet: Outlet[Any], *, is_probe: bool
    ) -> None:
        claim, permit, at = uuid4(), self._lease.permit(), self._clock.store_now()
        turn = outlet.slots.turn()
        held = await self._deliveries.claim(
            channel.value,
            refs,
            self._lease.lease,
            claim=claim,
            at=at,
            recheck_at=at + RECHECK_AFTER,
        )
        if not held:
            return
        waiting: deque[Ready] = deque()
        try:
            prepared = await self._preparation.prepare(channel, claim, held, at=at)
            await self._deliveries.record(channel.value, claim, prepared.settled)
            waiting.extend(prepared.ready)
            run = _Run(channel, outlet, claim, permit, turn, is_probe)
            await self._send_all(run, waiting)
        except PermitExpired:
            log.info("permit_expired", channel=channel.value, left=len(waiting))
        except ChannelPaused:
            log.info("channel_paused", channel=channel.value, left=len(waiting))
        finally:
            left = [ready.held.ref for ready in waiting]
            if left:
                due_at = self._clock.store_now() + timedelta(seconds=outlet.rests_for_s())
                await self._deliveries.release(channel.value, left, claim, due_at=due_at)

    async def _send_all(self, run: _Run, waiting: deque[Ready]) -> None:
        """Send what is `waiting` as there are slots, and record what has ended as it ends.

        Once the circuit is not closed any more the rest stays `waiting`: at a provider that is
        away it would use up its attempts.
        """
        running: set[asyncio.Task[Attempt]] = set()
        ended: asyncio.Queue[asyncio.Task[Attempt] | None] = asyncio.Queue()
        recording = asyncio.create_task(self._record_as_they_end(run, running, ended))
        try:
            while waiting and run.may_begin():
                for sending in await self._begin(run, waiting):
                    running.add(sending)
                    sending.add_done_callback(ended.put_nowait)
        finally:
            if running:
                # Senders end by themselves, and are waited for.
                await asyncio.wait(running)
            ended.put_nowait(None)
            await asyncio.wait([recording])
        recording.result()

    async def _begin(self, run: _Run, waiting: deque[Ready]) -> list[asyncio.Task[Attempt]]:
        """Open the attempts of as many as there are slots for, and start sending them."""
        channel, outlet, permit = run.channel, run.outlet, run.permit
        # What cannot begin in time does not wait for it.
        permit.check(after_s=outlet.pace.next_in_s(time.monotonic()))
        async with permit.lasting():
            taken = await outlet.slots.take(
                len(waiting),
                turn=run.turn,
                is_critical=waiting[0].held.row.priority == "critical",
            )
        begun: set[Ref] = set()
        try:
            permit.check()
            await self._pauses.check(channel)
            if not run.may_begin():
                return []
            group = [waiting.popleft() for _ in range(taken)]
            try:
                begun = await self._deliveries.begin(
                    channel.value,
                    [ready.held.ref for ready in group],
                    run.claim,
                    at=self._clock.store_now(),
                )
            except StoreUnavailable:
                # Begun or not, nothing of it is sent.
                waiting.extendleft(reversed(group))
                raise
        finally:
            outlet.slots.give(taken - len(begun))
        return [
            asyncio.create_task(self._send(run, ready))
            for ready in group
            if ready.held.ref in begun
        ]

    async def _record_as_they_end(
        self,
        run: _Run,
        running: set[asyncio.Task[Attempt]],
        ended: asyncio.Queue[asyncio.Task[Attempt] | None],
    ) -> None:
        """Record what has ended until there is None, and only then give its slots to others.

        What ends within a moment, or while something is written, is written together; it waits only
        for what is `running`. Raises what went wrong, once all was tried and all slots given back.
        """
        is_over = False
        failure: Exception | None = None
        while not is_over:
            some = await gathered(
                ended, enough=lambda: min(ROWS_AT_ONCE, len(running)), within_s=self._gather_s
            )
            sendings = [sending for sending in some if sending is not None]
            running.difference_update(sendings)
            attempts = [sending.result() for sending in sendings]
            is_over = None in some
            try:
                await self._record(run.channel, run.claim, attempts)
            except Exception as error:  # noqa: BLE001 - raised below
                failure = error
            finally:
                run.outlet.slots.give(len(attempts))
        if failure is not None:
            raise failure

    async def _send(self, run: _Run, ready: Ready) -> Attempt:
        """Hand one delivery over to all its destinations."""
        sending = [self._hand_over(run, ready, to) for to in ready.destinations]
        # Most have one device, and to gather one costs a tenth of a push.
        outcomes = [await sending[0]] if len(sending) == 1 else await asyncio.gather(*sending)
        return Attempt(ready, outcomes)

    async def _hand_over(
        self, run: _Run, ready: Ready, to: Destination
    ) -> tuple[Destination, Outcome | None]:
        """Return how it ended; whatever happens is an outcome, None where nothing was sent."""
        outcome: Outcome
        try:
            outcome = await run.outlet.sender.send(ready.letter, to, run.permit)
        except PermitExpired:
            return to, None
        except Exception as error:
            log.exception(
                "sender_failed",
                channel=run.channel.value,
                notification_id=str(ready.letter.notification_id),
            )
            outcome = Uncertain(type(error).__name__)
        run.outlet.observe(outcome)
        return to, outcome

    async def _record(self, channel: Channel, claim: UUID, attempts: Sequence[Attempt]) -> None:
        """Write how `attempts` ended, with some patience."""
        at = self._clock.store_now()
        entries = [attempt.entry(channel, at=at, chance=self._chance()) for attempt in attempts]
        for wait_s in self._record_waits_s:
            try:
                await self._deliveries.record(channel.value, claim, entries)
                break
            except StoreUnavailable:
                await asyncio.sleep(wait_s)
        else:
            await self._deliveries.record(channel.value, claim, entries)
        unsent = [
            (attempt.ready.held, attempt.ready.letter.timezone)
            for attempt, entry in zip(attempts, entries, strict=True)
            if entry.stands.wants_operator
        ]
        await self._caps.give_back(channel, unsent, at=at)
        for attempt in attempts:
            await self._dead_addresses.note(channel, attempt.ready.letter, attempt.outcomes, at=at)
