from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from tornado.testing import bind_unused_port

from config.providers import Provider
from rules.deliveries import Outcome, Permanent, Reason, Sent, Transient, Uncertain
from storage.unsubscribe_links import UnsubscribeLinks
from tasks.channels.mail import Mailer
from tasks.channels.smtp import KEPT_FOR_S, SmtpSender
from tasks.emails.templates import FileTemplates
from tasks.letter import EmailAddress
from tasks.permit import Permit, PermitExpired
from tests.support.peers.certificates import certificate_in
from tests.support.peers.smtp_answers import CUT, PASSWORD, SILENCE, USER, SmtpPeer, smtp_peer
from tests.tasks.letters import NOTIFICATION, letter

ALWAYS = Permit(float("inf"))
THANDI = EmailAddress("thandi@example.org")
SENT = Sent(f"<{NOTIFICATION}@savenbite.example>")
PUBLIC_URL = "https://savenbite.example"

# Of the peer's own making; it is asked for what no server should do.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Session.login_data is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning"),
]


def sender_to(
    port: int, *, clock: Callable[[], float] = time.monotonic, **changes: Any
) -> SmtpSender:
    values: dict[str, Any] = {
        "scheme": "smtp",
        "host": "127.0.0.1",
        "port": port,
        "options": {"starttls": "0"},
        "concurrency": 100,
        "timeout_s": 5.0,
    }
    pages = UnsubscribeLinks([b"k" * 32], PUBLIC_URL)
    mailer = Mailer(FileTemplates(PUBLIC_URL), pages, sender=None)
    return SmtpSender(Provider(**(values | changes)), mailer, clock=clock)


@pytest.fixture
async def peer() -> AsyncIterator[SmtpPeer]:
    async with smtp_peer() as serving:
        yield serving


@pytest.fixture
async def sender(peer: SmtpPeer) -> AsyncIterator[SmtpSender]:
    made = sender_to(peer.port)
    yield made
    await made.close()


async def test_a_mail_arrives_with_its_parts_and_the_way_out(
    peer: SmtpPeer, sender: SmtpSender
) -> None:
    assert await sender.send(letter(), THANDI, ALWAYS) == SENT
    assert peer.senders == ["notifications@savenbite.example"]
    assert peer.recipients == ["thandi@example.org"]
    (mail,) = peer.mails
    assert mail["From"] == "Save n Bite <notifications@savenbite.example>"
    assert mail["To"] == "Thandi Nkosi <thandi@example.org>"
    assert mail["Subject"] == "Sourdough loaves at Sunrise Bakery"
    assert mail["Message-ID"] == f"<{NOTIFICATION}@savenbite.example>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = mail["List-Unsubscribe"].strip("<>")
    assert link.startswith(f"{PUBLIC_URL}/unsubscribe/")
    text, html = mail.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert link in text.get_content()
    assert f'href="{link}"' in html.get_content()


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ({"RCPT": "550 5.1.1 no such user"}, Permanent("550 5.1.1", Reason.ADDRESS_GONE)),
        ({"RCPT": "550 no such user"}, Permanent("550", Reason.ADDRESS_GONE)),
        ({"RCPT": "551 not here"}, Permanent("551", Reason.ADDRESS_GONE)),
        ({"RCPT": "550 5.2.1 disabled"}, Permanent("550 5.2.1", Reason.ADDRESS_GONE)),
        ({"RCPT": "550 5.7.1 policy"}, Permanent("550 5.7.1", Reason.REJECTED)),
        ({"RCPT": "552 5.2.2 full"}, Permanent("552 5.2.2", Reason.REJECTED)),
        # About this recipient: greylisted, full, on a list. The server is well.
        ({"RCPT": "451 4.7.1 greylisted"}, Transient("451 4.7.1", is_providers=False)),
        ({"RCPT": "450 greylisted"}, Transient("450", is_providers=False)),
        ({"RCPT": "452 4.2.2 mailbox full"}, Transient("452 4.2.2", is_providers=False)),
        ({"RCPT": "452 4.3.1 no space left"}, Transient("452 4.3.1")),
        ({"DATA": "451 4.7.1 greylisted"}, Transient("451 4.7.1", is_providers=False)),
        ({"RCPT": "421 too many"}, Transient("421")),
        # It is we who are refused, and every mail with us, until an operator mends that.
        ({"MAIL": "530 5.7.0 authenticate first"}, Transient("530 5.7.0")),
        ({"MAIL": "550 who are you"}, Transient("550")),
        ({"MAIL": "451 later"}, Transient("451")),
        ({"MAIL": "421 closing"}, Transient("421")),
        ({"DATA": "550 5.1.1 no such user"}, Permanent("550 5.1.1", Reason.ADDRESS_GONE)),
        ({"DATA": "554 5.7.1 spam"}, Permanent("554 5.7.1", Reason.REJECTED)),
        ({"DATA": "550 spam"}, Permanent("550", Reason.REJECTED)),
        ({"DATA": "451 4.3.0 later"}, Transient("451 4.3.0")),
        ({"DATA": "421 4.3.2 closing"}, Transient("421 4.3.2")),
        ({"MAIL": CUT}, Transient("the server closed the connection")),
        ({"RCPT": CUT}, Transient("the server closed the connection")),
        ({"DATA": CUT}, Uncertain("SMTPServerDisconnected")),
    ],
)
async def test_each_answer_has_its_outcome(
    peer: SmtpPeer, sender: SmtpSender, answers: dict[str, str], outcome: Outcome
) -> None:
    peer.answers = answers
    assert await sender.send(letter(), THANDI, ALWAYS) == outcome
    # Whatever it was, the next mail is none the worse for it.
    peer.answers = {}
    assert await sender.send(letter(), THANDI, ALWAYS) == SENT


@pytest.mark.parametrize(
    ("command", "outcome"),
    [
        ("RCPT", Transient("SMTPReadTimeoutError")),
        ("DATA", Uncertain("SMTPReadTimeoutError")),
    ],
)
async def test_silence_is_not_waited_for_for_ever(
    peer: SmtpPeer, command: str, outcome: Outcome
) -> None:
    peer.answers = {command: SILENCE}
    sender = sender_to(peer.port, timeout_s=0.3)
    assert await sender.send(letter(), THANDI, ALWAYS) == outcome
    await sender.close()


async def test_who_cannot_be_reached_has_not_got_it() -> None:
    socket, port = bind_unused_port()
    socket.close()
    sender = sender_to(port)
    assert await sender.send(letter(), THANDI, ALWAYS) == Transient("SMTPConnectError")


async def test_one_connection_serves_one_mail_after_the_other(
    peer: SmtpPeer, sender: SmtpSender
) -> None:
    for _ in range(3):
        assert await sender.send(letter(), THANDI, ALWAYS) == SENT
    peer.answers = {"RCPT": "550 5.1.1 no such user"}
    await sender.send(letter(), THANDI, ALWAYS)
    peer.answers = {}
    assert await sender.send(letter(), THANDI, ALWAYS) == SENT
    assert len(peer.connections) == 1


async def test_a_connection_that_the_server_closed_is_replaced(
    peer: SmtpPeer, sender: SmtpSender
) -> None:
    await sender.send(letter(), THANDI, ALWAYS)
    peer.hang_up()
    assert await sender.send(letter(), THANDI, ALWAYS) == SENT
    assert len(peer.mails) == 2


@pytest.mark.parametrize("goodbye", ["421 4.4.2 idle for too long", CUT])
async def test_a_connection_that_is_closed_as_it_is_used_is_replaced(
    peer: SmtpPeer, sender: SmtpSender, goodbye: str
) -> None:
    await sender.send(letter(), THANDI, ALWAYS)
    peer.once = {"MAIL": goodbye}
    assert await sender.send(letter(), THANDI, ALWAYS) == SENT
    assert peer.commands == ["MAIL", "RCPT", "DATA", "MAIL", "MAIL", "RCPT", "DATA"]
    assert len(peer.connections) == 2


async def test_a_connection_is_given_up_after_a_hundred_mails(
    peer: SmtpPeer, sender: SmtpSender
) -> None:
    for _ in range(101):
        assert await sender.send(letter(), THANDI, ALWAYS) == SENT
    assert len(peer.connections) == 2


async def test_a_connection_that_was_idle_for_long_is_not_used_again(peer: SmtpPeer) -> None:
    now_s = 0.0
    sender = sender_to(peer.port, clock=lambda: now_s)
    await sender.send(letter(), THANDI, ALWAYS)
    now_s = KEPT_FOR_S - 1
    await sender.send(letter(), THANDI, ALWAYS)
    assert len(peer.connections) == 1
    now_s = 2 * KEPT_FOR_S
    assert await sender.send(letter(), THANDI, ALWAYS) == SENT
    assert len(peer.connections) == 2
    await sender.close()


async def test_a_hundred_mails_are_in_flight_at_once(peer: SmtpPeer) -> None:
    sender = sender_to(peer.port, timeout_s=30.0)
    peer.takes_s = 1.0
    began = time.monotonic()
    outcomes = await asyncio.gather(
        *(sender.send(letter(), EmailAddress(f"u{n}@example.org"), ALWAYS) for n in range(100))
    )
    assert outcomes == [SENT] * 100
    assert len({str(mail["To"]) for mail in peer.mails}) == 100
    assert time.monotonic() - began < 50
    await sender.close()


async def test_who_is_gone_when_we_leave_is_not_waited_for(peer: SmtpPeer) -> None:
    sender = sender_to(peer.port)
    await sender.send(letter(), THANDI, ALWAYS)
    peer.hang_up()
    await sender.close()
    # Nothing is left that could be used again.
    assert await sender.send(letter(), THANDI, ALWAYS) == SENT
    await sender.close()


async def test_a_server_that_hangs_up_on_a_refusal_is_connected_to_anew(
    peer: SmtpPeer, sender: SmtpSender
) -> None:
    peer.answers = {"RCPT": "550 5.1.1 no such user", "RSET": CUT}
    assert await sender.send(letter(), THANDI, ALWAYS) == Permanent(
        "550 5.1.1", Reason.ADDRESS_GONE
    )
    peer.answers = {}
    assert await sender.send(letter(), THANDI, ALWAYS) == SENT
    assert len(peer.connections) == 2


async def test_a_permit_that_expires_on_the_way_keeps_the_mail_here(
    peer: SmtpPeer, sender: SmtpSender
) -> None:
    with pytest.raises(PermitExpired):
        await sender.send(letter(), THANDI, Permit(0.0))
    assert peer.commands == ["MAIL", "RCPT"]
    assert peer.mails == []
    # The half of a conversation that is left is not gone on with.
    assert await sender.send(letter(), THANDI, ALWAYS) == SENT
    assert len(peer.connections) == 2


async def test_what_is_no_address_is_not_even_tried(peer: SmtpPeer, sender: SmtpSender) -> None:
    outcome = await sender.send(letter(), EmailAddress("x@y.example\r\nRCPT TO:<z@y>"), ALWAYS)
    assert outcome == Permanent("not an address", Reason.ADDRESS_GONE)
    assert peer.connections == []


async def test_tls_from_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = certificate_in(tmp_path)
    async with smtp_peer(tls=certificate.server) as peer:
        sender = sender_to(peer.port, scheme="smtps", options={})
        distrusted = await sender.send(letter(), THANDI, ALWAYS)
        assert distrusted == Transient("SMTPConnectError")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
        assert await sender.send(letter(), THANDI, ALWAYS) == SENT
        assert peer.over_tls == [True]
        await sender.close()


async def test_starttls_and_a_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = certificate_in(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    async with smtp_peer(starttls=certificate.server, needs_login=True) as peer:
        account: dict[str, Any] = {"user": USER, "password": PASSWORD}
        sender = sender_to(peer.port, options={"starttls": "1"}, **account)
        assert await sender.send(letter(), THANDI, ALWAYS) == SENT
        assert (peer.logins, peer.over_tls) == ([USER], [True])
        await sender.close()
        # 530 5.7.0: it will not talk without TLS.
        plain = sender_to(peer.port, **account)
        assert isinstance(await plain.send(letter(), THANDI, ALWAYS), Transient)
        assert len(peer.mails) == 1
        await plain.close()


async def test_a_wrong_password_may_be_mended_so_it_is_tried_again() -> None:
    async with smtp_peer(needs_login=True) as peer:
        sender = sender_to(peer.port, user=USER, password="wrong")
        outcome = await sender.send(letter(), THANDI, ALWAYS)
        assert outcome == Transient("535 5.7.8")
        assert peer.commands == []
