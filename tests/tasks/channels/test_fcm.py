from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from firebase_admin import messaging
from tornado.testing import bind_unused_port

from config.providers import Provider
from rules.deliveries import Outcome, Permanent, Reason, Sent, Transient, Uncertain
from tasks.channels.fcm import FcmSender
from tasks.letter import Device
from tasks.permit import Permit, PermitExpired
from tests.support.peers.fcm import FcmPeer, fcm_peer, refusal
from tests.support.peers.http_peer import Reply
from tests.tasks.letters import NOTIFICATION, letter

ALWAYS = Permit(float("inf"))
PHONE = Device(UUID(int=7), "android", "a-token")


@pytest.fixture
async def peer() -> AsyncIterator[FcmPeer]:
    async with fcm_peer() as serving:
        yield serving


@pytest.fixture
async def sender(peer: FcmPeer, tmp_path: Path) -> AsyncIterator[FcmSender]:
    provider = Provider(
        scheme="fcm",
        path=str(peer.account(tmp_path)),
        options={"endpoint": peer.url},
        concurrency=8,
        timeout_s=3.0,
    )
    made = FcmSender(provider)
    yield made
    await made.close()


async def test_a_push_arrives_with_what_each_platform_needs(
    peer: FcmPeer, sender: FcmSender
) -> None:
    outcome = await sender.send(
        letter(priority="critical", data={"deep_link": "https://x.example/l"}), PHONE, ALWAYS
    )
    assert outcome == Sent("projects/savenbite-test/messages/1")
    (message,) = peer.messages
    assert message["token"] == "a-token"
    assert message["notification"]["title"] == "Sourdough loaves at Sunrise Bakery"
    assert message["data"]["notification_id"] == str(NOTIFICATION)
    assert message["android"]["priority"] == "high"
    assert message["android"]["notification"]["tag"] == str(NOTIFICATION)
    assert "collapse_key" not in message["android"]
    assert message["apns"]["headers"]["apns-collapse-id"] == str(NOTIFICATION)
    assert message["apns"]["payload"]["aps"]["badge"] == 3
    assert message["webpush"]["notification"]["tag"] == str(NOTIFICATION)
    assert message["webpush"]["fcm_options"]["link"] == "https://x.example/l"


async def test_a_picture_goes_along(peer: FcmPeer, sender: FcmSender) -> None:
    await sender.send(letter(image_url="https://x.example/a.jpg"), PHONE, ALWAYS)
    assert peer.messages[0]["notification"]["image"] == "https://x.example/a.jpg"
    assert peer.messages[0]["webpush"]["notification"]["image"] == "https://x.example/a.jpg"


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (
            refusal(404, "NOT_FOUND", "UNREGISTERED"),
            Permanent("UnregisteredError (NOT_FOUND)", Reason.ADDRESS_GONE),
        ),
        (
            refusal(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"),
            Permanent("SenderIdMismatchError (PERMISSION_DENIED)", Reason.ADDRESS_GONE),
        ),
        (
            refusal(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
            Permanent("InvalidArgumentError (INVALID_ARGUMENT)"),
        ),
        (
            refusal(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", Retry_After="7"),
            Transient("QuotaExceededError (RESOURCE_EXHAUSTED)", timedelta(seconds=7)),
        ),
        (
            refusal(503, "UNAVAILABLE", "UNAVAILABLE"),
            Transient("UnavailableError (UNAVAILABLE)"),
        ),
        (refusal(500, "INTERNAL", "INTERNAL"), Transient("InternalError (INTERNAL)")),
        (Reply(after_s=4.5), Uncertain("ReadTimeoutError")),
        (Reply(is_cut=True), Uncertain("ProtocolError")),
    ],
)
async def test_each_answer_has_its_outcome_at_once(
    peer: FcmPeer, sender: FcmSender, reply: Reply, outcome: Outcome
) -> None:
    peer.answer = lambda _: reply
    assert await sender.send(letter(), PHONE, ALWAYS) == outcome
    # The SDK's own retries would make several of it, and last 4 to 28 s.
    assert len(peer.messages) == 1


async def test_an_access_token_that_is_refused_is_fetched_anew(
    peer: FcmPeer, sender: FcmSender
) -> None:
    replies = [refusal(401, "UNAUTHENTICATED"), Reply()]
    peer.answer = lambda _: replies.pop(0)
    assert isinstance(await sender.send(letter(), PHONE, ALWAYS), Sent)
    assert peer.tokens_issued == 2
    peer.answer = lambda _: refusal(401, "UNAUTHENTICATED")
    outcome = await sender.send(letter(), PHONE, ALWAYS)
    assert outcome == Transient("UnauthenticatedError (UNAUTHENTICATED)")


async def test_who_cannot_be_reached_has_not_got_it(tmp_path: Path, peer: FcmPeer) -> None:
    socket, port = bind_unused_port()
    socket.close()
    provider = Provider(
        scheme="fcm",
        path=str(peer.account(tmp_path)),
        options={"endpoint": f"http://127.0.0.1:{port}"},
        concurrency=1,
        timeout_s=3.0,
    )
    sender = FcmSender(provider)
    assert await sender.send(letter(), PHONE, ALWAYS) == Transient("NewConnectionError")
    peer.url = f"http://127.0.0.1:{port}"
    await sender.close()
    locked_out = FcmSender(
        Provider(scheme="fcm", path=str(peer.account(tmp_path)), concurrency=1, timeout_s=3.0)
    )
    assert await locked_out.send(letter(), PHONE, ALWAYS) == Transient("TransportError")
    await locked_out.close()


async def test_without_a_permit_nothing_is_sent(peer: FcmPeer, sender: FcmSender) -> None:
    with pytest.raises(PermitExpired):
        await sender.send(letter(), PHONE, Permit(0.0))
    assert peer.messages == []


async def test_many_are_sent_side_by_side_over_one_access_token(
    peer: FcmPeer, sender: FcmSender
) -> None:
    peer.answer = lambda _: Reply(after_s=0.05)
    outcomes = await asyncio.gather(
        *(sender.send(letter(), Device(UUID(int=n), "ios", f"t{n}"), ALWAYS) for n in range(40))
    )
    assert all(isinstance(outcome, Sent) for outcome in outcomes)
    assert len({message["token"] for message in peer.messages}) == 40
    assert peer.tokens_issued == 1


async def test_proxies_and_certificates_are_those_of_the_environment(
    peer: FcmPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody resolves its name but the proxy, which answers that it has no such page itself.
    monkeypatch.setenv("HTTP_PROXY", peer.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "certificates.pem"))
    provider = Provider(
        scheme="fcm",
        path=str(peer.account(tmp_path)),
        options={"endpoint": "http://fcm.invalid"},
        concurrency=1,
        timeout_s=3.0,
    )
    sender = FcmSender(provider)
    answered = await sender.send(letter(), PHONE, ALWAYS)
    assert answered == Transient("NotFoundError (NOT_FOUND)")
    session = messaging._get_messaging_service(sender._app)._client.session
    assert session.verify == str(tmp_path / "certificates.pem")
    await sender.close()


async def test_as_many_tokens_as_pushes_may_be_fetched_at_once(
    peer: FcmPeer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    many = 20
    provider = Provider(
        scheme="fcm",
        path=str(peer.account(tmp_path)),
        options={"endpoint": peer.url},
        concurrency=many,
        timeout_s=5.0,
    )
    # Refused all together, each fetches another.
    peer.answer = lambda _: refusal(401, "UNAUTHENTICATED")
    peer.token_after_s = 0.3
    sender = FcmSender(provider)
    phones = [Device(UUID(int=n), "ios", f"t{n}") for n in range(many)]
    await asyncio.gather(*(sender.send(letter(), phone, ALWAYS) for phone in phones))
    await sender.close()
    assert peer.tokens_issued > many
    assert [line.getMessage() for line in caplog.records if line.name.startswith("urllib3")] == []
