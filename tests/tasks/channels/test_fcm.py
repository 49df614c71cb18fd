from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from cryptography import x509
from tornado.testing import bind_unused_port

from config.providers import Provider
from rules.deliveries import Outcome, Permanent, Reason, Sent, Transient, Uncertain
from tasks.channels.fcm import FcmSender
from tasks.letter import Device
from tasks.permit import Permit, PermitExpired
from tests.support.certificates import certificate
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
        (Reply(after_s=4.5), Uncertain("SocketTimeoutError")),
        (Reply(is_cut=True), Uncertain("ServerDisconnectedError")),
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
    sender = FcmSender(_provider(peer, tmp_path, f"http://127.0.0.1:{port}"))
    assert await sender.send(letter(), PHONE, ALWAYS) == Transient("ClientConnectorError")
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


@pytest.mark.parametrize("scheme", ["http://", ""])
async def test_a_proxy_is_that_of_the_environment(
    peer: FcmPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    # Nobody resolves its name but the proxy, which answers that it has no such page itself.
    monkeypatch.setenv("HTTP_PROXY", peer.url.replace("http://", scheme))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    sender = FcmSender(_provider(peer, tmp_path, "http://fcm.invalid"))
    answered = await sender.send(letter(), PHONE, ALWAYS)
    assert answered == Transient("NotFoundError (NOT_FOUND)")
    await sender.close()


@pytest.mark.parametrize("is_directory", [False, True], ids=["a file", "a directory"])
async def test_certificates_are_those_of_the_environment(
    peer: FcmPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_directory: bool
) -> None:
    tls = certificate(tmp_path, "localhost")
    trusted = tmp_path / "trusted"
    trusted.mkdir()
    # As OpenSSL finds it in a directory: by the hash of its subject.
    shutil.copy(tls.cert, trusted / f"{_subject_hash(tls.cert)}.0")
    async with fcm_peer(tls) as encrypted:
        provider = _provider(peer, tmp_path, encrypted.url)
        stranger = FcmSender(provider)
        outcome = await stranger.send(letter(), PHONE, ALWAYS)
        assert outcome == Transient("ClientConnectorCertificateError")
        await stranger.close()
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted if is_directory else tls.cert))
        sender = FcmSender(provider)
        assert isinstance(await sender.send(letter(), PHONE, ALWAYS), Sent)
        await sender.close()
        assert len(encrypted.messages) == 1


async def test_an_access_token_that_many_were_refused_with_is_fetched_anew_once(
    peer: FcmPeer, sender: FcmSender
) -> None:
    many = 20
    peer.answer = lambda _: refusal(401, "UNAUTHENTICATED")
    peer.token_after_s = 0.3
    phones = [Device(UUID(int=n), "ios", f"t{n}") for n in range(many)]
    outcomes = await asyncio.gather(*(sender.send(letter(), phone, ALWAYS) for phone in phones))
    assert set(outcomes) == {Transient("UnauthenticatedError (UNAUTHENTICATED)")}
    assert len(peer.messages) == 2 * many
    assert peer.tokens_issued == 2


async def test_who_is_refused_with_an_old_token_takes_the_new_one(
    peer: FcmPeer, sender: FcmSender
) -> None:
    refused = refusal(401, "UNAUTHENTICATED")
    replies = {"soon": [refused, Reply()], "late": [replace(refused, after_s=0.5), Reply()]}
    peer.answer = lambda token: replies[token].pop(0)
    phones = [Device(UUID(int=n), "ios", token) for n, token in enumerate(replies)]
    outcomes = await asyncio.gather(*(sender.send(letter(), phone, ALWAYS) for phone in phones))
    assert all(isinstance(outcome, Sent) for outcome in outcomes)
    assert peer.tokens_issued == 2


async def test_a_permit_that_ends_while_a_token_is_fetched_anew_stops_the_push(
    peer: FcmPeer, sender: FcmSender
) -> None:
    now_s = 0.0
    permit = Permit(1.0, clock=lambda: now_s)

    def refuse(_: str) -> Reply:
        nonlocal now_s
        now_s = 1.0
        return refusal(401, "UNAUTHENTICATED")

    peer.answer = refuse
    with pytest.raises(PermitExpired):
        await sender.send(letter(), PHONE, permit)
    assert len(peer.messages) == 1


def _provider(peer: FcmPeer, directory: Path, endpoint: str) -> Provider:
    """Return settings by which pushes go to `endpoint`, with access tokens of `peer`."""
    return Provider(
        scheme="fcm",
        path=str(peer.account(directory)),
        options={"endpoint": endpoint},
        concurrency=1,
        timeout_s=3.0,
    )


def _subject_hash(certificate_file: Path) -> str:
    # The name as OpenSSL compares names, which is as it is written where that is lower case.
    subject = x509.load_pem_x509_certificate(certificate_file.read_bytes()).subject
    without_its_head = subject.public_bytes()[2:]
    return hashlib.sha1(without_its_head, usedforsecurity=False).digest()[3::-1].hex()
