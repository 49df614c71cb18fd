from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from tornado.testing import bind_unused_port

from config.providers import Provider
from rules.deliveries import Outcome, Permanent, Reason, Sent, Transient, Uncertain
from tasks.channels.twilio import TwilioSender
from tasks.letter import PhoneNumber
from tasks.permit import Permit, PermitExpired
from tests.support.peers.http_peer import Reply
from tests.support.peers.twilio import ACCOUNT, TOKEN, TwilioPeer, refusal, twilio_peer
from tests.tasks.letters import NOTIFICATION, RECIPIENT, letter

ALWAYS = Permit(float("inf"))
NUMBER = PhoneNumber("+27821234567")


def provider_at(url: str, **options: str) -> Provider:
    return Provider(
        scheme="twilio",
        user=ACCOUNT,
        password=TOKEN,
        options={"from": "+27100000000", "endpoint": url, **options},
        concurrency=4,
        timeout_s=3.0,
    )


@pytest.fixture
async def peer() -> AsyncIterator[TwilioPeer]:
    async with twilio_peer() as serving:
        yield serving


@pytest.fixture
async def sender(peer: TwilioPeer) -> AsyncIterator[TwilioSender]:
    made = TwilioSender(provider_at(peer.url), callback="https://x.example/hook?at=1#rc=3")
    yield made
    await made.close()


async def test_an_sms_arrives(peer: TwilioPeer, sender: TwilioSender) -> None:
    outcome = await sender.send(letter(), NUMBER, ALWAYS)
    assert outcome == Sent(f"SM{1:032}")
    (message,) = peer.messages
    assert (message["To"], message["From"]) == ("+27821234567", "+27100000000")
    assert message["Body"].startswith("Save n Bite: Sourdough loaves at Sunrise Bakery.")
    ids = f"notification_id={NOTIFICATION}&recipient_id={RECIPIENT}"
    assert message["StatusCallback"] == f"https://x.example/hook?at=1&{ids}#rc=3"


async def test_where_nothing_can_be_told_twilio_is_asked_for_nothing(peer: TwilioPeer) -> None:
    sender = TwilioSender(provider_at(peer.url))
    assert isinstance(await sender.send(letter(), NUMBER, ALWAYS), Sent)
    (message,) = peer.messages
    assert "StatusCallback" not in message
    await sender.close()


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (refusal(400, 21610), Permanent("400 (21610)", Reason.OPTED_OUT)),
        (refusal(400, 21211), Permanent("400 (21211)", Reason.ADDRESS_GONE)),
        (refusal(400, 21614), Permanent("400 (21614)", Reason.ADDRESS_GONE)),
        (refusal(400, 21617), Permanent("400 (21617)")),
        (refusal(429, 20429, Retry_After="3"), Transient("429 (20429)", timedelta(seconds=3))),
        (refusal(401, 20003), Transient("401 (20003)")),
        (refusal(500, 20500), Transient("500 (20500)")),
        (refusal(503, 20503), Transient("503 (20503)")),
        (refusal(504, 20504), Uncertain("504 (20504)")),
        (Reply(after_s=4.5), Uncertain("ReadTimeoutError")),
        (Reply(is_cut=True), Uncertain("ProtocolError")),
    ],
)
async def test_each_answer_has_its_outcome(
    peer: TwilioPeer, sender: TwilioSender, reply: Reply, outcome: Outcome
) -> None:
    peer.answer = lambda _: reply
    assert await sender.send(letter(), NUMBER, ALWAYS) == outcome
    assert len(peer.messages) == 1


async def test_an_answer_that_is_none_of_the_apis_is_in_doubt(
    peer: TwilioPeer, sender: TwilioSender
) -> None:
    peer.answer = lambda _: Reply(302, {}, {"Location": "/elsewhere"})
    assert isinstance(await sender.send(letter(), NUMBER, ALWAYS), Sent | Uncertain | Permanent)


async def test_who_cannot_be_reached_has_not_got_it() -> None:
    socket, port = bind_unused_port()
    socket.close()
    sender = TwilioSender(provider_at(f"http://127.0.0.1:{port}"))
    assert await sender.send(letter(), NUMBER, ALWAYS) == Transient("ConnectionError")
    await sender.close()


async def test_without_a_permit_nothing_is_sent(peer: TwilioPeer, sender: TwilioSender) -> None:
    with pytest.raises(PermitExpired):
        await sender.send(letter(), NUMBER, Permit(0.0))
    assert peer.messages == []
