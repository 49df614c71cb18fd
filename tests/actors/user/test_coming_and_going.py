"""A user's actor lives as long as there is a connection."""

from __future__ import annotations

import pytest
from pykka import ActorDeadError

from actors import messages
from actors.inbox_change import OneDeleted, OneRead
from actors.loop_ref import LoopActorRef
from actors.parcels import Changed
from actors.user import UserActor
from tests.actors.user.home import Home
from tests.support.world import eventually


async def _ended(ref: LoopActorRef[UserActor]) -> None:
    async def has_ended() -> bool:
        return not ref.is_alive()

    await eventually(has_ended)


async def test_when_the_last_connection_goes_the_actor_goes(home: Home) -> None:
    first, second = await home.attach(), await home.attach()
    home.ref.tell(messages.Detach(first))
    await home.settled()
    assert home.idle == 0
    home.ref.tell(messages.Detach(second))
    await _ended(home.ref)
    assert home.idle == 1


async def test_an_actor_with_a_message_waiting_goes_after_it(home: Home) -> None:
    connection = await home.attach()
    row = await home.row()
    home.ref.tell(messages.Detach(connection))
    home.deliver(row)
    await _ended(home.ref)
    assert home.idle == 1
    assert connection.types == ["authentication_success"]


async def test_a_message_that_it_does_not_take_breaks_it(home: Home) -> None:
    home.ref.tell("what is this")
    await _ended(home.ref)
    assert home.broken == 1
    with pytest.raises(ActorDeadError):
        await home.ask(messages.CountUnread())


async def test_only_the_first_connection_registers_and_what_is_done_is_sent_to_the_others(
    home: Home,
) -> None:
    row = await home.row()
    asker = await home.attach()
    await home.attach()
    assert home.bus.registered == [home.user_id]
    await home.ask(messages.MarkRead((row.id,), asker, "r"))
    await home.ask(messages.MarkRead((row.id,), asker, "r"))
    await home.ask(messages.Delete(row.id))
    assert home.bus.sent == [
        Changed(home.user_id, OneRead(row.id)),
        Changed(home.user_id, OneDeleted(row.id)),
    ]
