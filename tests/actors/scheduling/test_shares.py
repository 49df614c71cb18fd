"""Of what is due each process takes its share first, and what others leave after them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from actors.due_schedules import OTHERS_AFTER, RECENT, CarriedOut, DueSchedules
from rules.share import Share
from rules.slots import slot_of
from storage.events import NewEvent
from tests.actors.scheduling.office import LONG_AGO, MOMENT, Office, keys_of


async def test_two_that_look_at_once_share_what_is_due(office: Office) -> None:
    schedules = [await office.plan() for _ in range(10)]
    done = await asyncio.gather(*(office.carry_out() for _ in range(4)))
    assert sum(each.count for each in done) == 10
    assert len(office.desk.accepted) == 10
    await office.has_sent(*schedules)


async def test_two_at_the_same_stroke_do_a_share_each(office: Office) -> None:
    """Both see all that is due; each takes its own first, and neither reaches for the other's."""
    at = office.clock.store_now() + MOMENT
    schedules = [await office.plan(at=at) for _ in range(40)]
    done: list[list[NewEvent]] = [[], []]

    async def carry_out(place: int) -> int:
        async def accept(events: Sequence[NewEvent]) -> None:
            done[place] += events

        due = DueSchedules(office.stores.schedules, office.clock, share=lambda: Share(place, 2))
        return (await due.carry_out(accept, by=at)).count

    counts = await asyncio.gather(carry_out(0), carry_out(1))
    for place, count in enumerate(counts):
        share = Share(place, 2)
        mine = [each for each in schedules if share.has(slot_of(each.id))]
        assert count == len(mine) > 0
        assert {event.key for event in done[place]} == keys_of(mine)


async def test_what_another_one_does_not_take_is_taken_a_moment_later(office: Office) -> None:
    planned = await office.plan()
    is_elsewhere = Share(0, 2).has(slot_of(planned.id))
    office.share(share=Share(int(is_elsewhere), 2))
    done = await office.carry_out(by=planned.at)
    assert done == CarriedOut(0, planned.at + OTHERS_AFTER, has_more=False)
    await office.wake()
    await office.has_sent(planned)


async def test_what_another_one_left_is_found_however_long_nobody_could_look(
    office: Office,
) -> None:
    """Right after a second has begun, what is left to another one was due in the one before."""
    by = office.clock.store_now().replace(microsecond=50_000)
    planned = await office.plan(at=by - OTHERS_AFTER / 2)
    is_elsewhere = Share(0, 2).has(slot_of(planned.id))
    office.share(share=Share(int(is_elsewhere), 2))
    assert (await office.carry_out(by=by)).count == 0
    # The other one was killed, and the store away.
    await office.carry_out(by=by + 2 * RECENT)
    assert office.sent() == keys_of([planned])


async def test_what_another_one_is_to_do_later_wakes_nobody_here(office: Office) -> None:
    schedules = [await office.plan(ahead=timedelta(hours=n)) for n in range(1, 9)]
    office.share(share=Share(0, 2))
    mine = [each.at for each in schedules if Share(0, 2).has(slot_of(each.id))]
    done = await office.carry_out(look_ahead=timedelta(hours=9))
    assert done == CarriedOut(0, min(mine, default=None), has_more=False)


async def test_a_backlog_is_shared_too_and_nothing_of_it_left(office: Office) -> None:
    schedules = [await office.plan(ahead=-n * LONG_AGO) for n in range(1, 21)]
    office.share(of=4, share=Share(0, 2))
    while (await office.carry_out()).has_more:
        pass
    assert office.sent() == keys_of(schedules)
