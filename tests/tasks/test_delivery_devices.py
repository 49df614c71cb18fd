"""A push goes to each device of its recipient once."""

from __future__ import annotations

from datetime import timedelta

from rules.deliveries import Outcome, Permanent, Reason, Sent, Transient
from rules.kinds import Channel
from tasks.letter import Destination, Device, Letter
from tests.tasks.works import Works


async def test_a_push_goes_to_every_device_and_a_retry_to_those_left(works: Works) -> None:
    person = await works.person()
    tokens = ["token-of-phone", "token-of-tablet", "token-of-old-phone"]
    tokens = [f"{token}-{person}" for token in tokens]
    devices = [await works.device(person, token) for token in tokens]
    outcomes: dict[str, list[Outcome]] = {
        tokens[0]: [Sent("one")],
        tokens[1]: [Transient("503"), Sent("two")],
        tokens[2]: [Permanent("404", Reason.ADDRESS_GONE)],
    }

    def act(_: Letter, to: Destination) -> Outcome:
        assert isinstance(to, Device)
        return outcomes[to.token].pop(0)

    works.senders[Channel.PUSH].act = act
    ref = await works.queue(person, Channel.PUSH)
    await works.deliverer.carry_out(Channel.PUSH, [ref])
    state = await works.state(ref, Channel.PUSH)
    assert (state["status"], set(state["devices"])) == (
        "deferred",
        {str(devices[0]), str(devices[2])},
    )
    ((letter, _), *_) = works.senders[Channel.PUSH].sent
    assert letter.unread_count == 1
    later = works.clock.store_now() + timedelta(hours=2)
    await works.stores.deliveries.requeue("push", [ref], until=later)
    await works.deliverer.carry_out(Channel.PUSH, [ref])
    state = await works.state(ref, Channel.PUSH)
    assert (state["status"], state["provider_message_id"]) == ("sent", "two")
    assert len(works.senders[Channel.PUSH].sent) == 4
    owned = {device.id: device.is_active for device in await works.stores.devices.owned(person)}
    assert owned == {devices[0]: True, devices[1]: True, devices[2]: False}


async def test_a_push_that_reached_one_device_does_not_end_dead(works: Works) -> None:
    person = await works.person()
    for name in ("phone", "tablet"):
        await works.device(person, f"{name}-{person}")
    phone = f"phone-{person}"
    works.senders[Channel.PUSH].act = lambda _, to: (
        Sent("one") if isinstance(to, Device) and to.token == phone else Transient("503")
    )
    ref = await works.queue(person, Channel.PUSH)
    for _ in range(5):
        await works.deliverer.carry_out(Channel.PUSH, [ref])
        later = works.clock.store_now() + timedelta(hours=2)
        await works.stores.deliveries.requeue("push", [ref], until=later)
    assert (await works.state(ref, Channel.PUSH))["status"] == "sent"


async def test_a_push_whose_last_devices_are_gone_is_sent_by_those_before(works: Works) -> None:
    person = await works.person()
    await works.device(person, f"gone-{person}")
    ref = await works.queue(
        person,
        Channel.PUSH,
        channels={"push": {"status": "queued", "devices": {"earlier": {"status": "sent"}}}},
    )
    works.senders[Channel.PUSH].act = lambda *_: Permanent("404", Reason.ADDRESS_GONE)
    await works.deliverer.carry_out(Channel.PUSH, [ref])
    assert (await works.state(ref, Channel.PUSH))["status"] == "sent"
