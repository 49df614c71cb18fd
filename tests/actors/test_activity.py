"""What waits is one write."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from actors.activity import ActivityKeeper, WasHere
from storage.stores import Stores
from storage.users import ProfileChange
from tests.storage.samples import MINUTE, NOON
from tests.support.actors import Away

SOON_S = 30.0


async def test_all_who_wait_were_here_in_the_last_of_their_moments(stores: Stores) -> None:
    here, there = uuid4(), uuid4()
    known = [ProfileChange(user_id, {"user_type": "ngo"}, NOON) for user_id in (here, there)]
    await stores.users.apply(known)
    keeper = ActivityKeeper.start(stores.last_activity)
    for user_id, ahead in ((here, 2 * MINUTE), (there, MINUTE), (here, timedelta())):
        keeper.tell(WasHere(user_id, NOON + ahead))
    await keeper.stop_and_wait(deadline_s=SOON_S)
    found = await stores.segments.known([here, there])
    assert {each.recipient.user_id: each.traits.last_active_at for each in found} == {
        here: NOON + 2 * MINUTE,
        there: NOON + 2 * MINUTE,
    }


async def test_while_the_store_is_away_nothing_is_kept_and_the_actor_lives_on() -> None:
    keeper = ActivityKeeper.start(Away())
    keeper.tell(WasHere(uuid4(), NOON))
    await keeper.stop_and_wait(deadline_s=SOON_S)
