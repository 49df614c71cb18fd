from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from uuid import UUID

import pytest

from tasks.channels.mail import Mailer, NotAnAddress, envelope_address
from tasks.emails.rendered import Rendered
from tasks.letter import Letter
from tests.tasks.letters import NOTIFICATION, letter

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


class Plain:
    """Renders a letter's own words, and says where one can leave."""

    async def render(self, letter: Letter, *, unsubscribe_url: str) -> Rendered:
        return Rendered(subject=letter.title, html=f"<p>{letter.message}</p>", text=letter.message)

    def link(self, user_id: UUID, kind: str) -> str:
        return f"https://savenbite.example/unsubscribe/{user_id}-{kind}/"


async def received(made: Letter, address: str = "thandi@example.org") -> EmailMessage:
    """Return the mail of `made` as its reader's program parses it."""
    plain = Plain()
    mailer = Mailer(plain, plain, sender="Südwind <post@suedwind.example>")
    mail = await mailer.mail(made, address, now=NOW)
    assert all(len(line) <= 998 for line in mail.content.split(b"\r\n"))
    assert mail.content.isascii()
    parsed = email.message_from_bytes(mail.content, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


async def test_the_headers_of_a_mail() -> None:
    mail = await received(letter())
    assert mail["From"] == "Südwind <post@suedwind.example>"
    assert mail["To"] == "Thandi Nkosi <thandi@example.org>"
    assert mail["Date"].datetime == NOW
    assert mail["Message-ID"] == f"<{NOTIFICATION}@suedwind.example>"
    assert mail["X-Notification-ID"] == str(NOTIFICATION)
    assert mail["List-Unsubscribe"] == (
        f"<https://savenbite.example/unsubscribe/{letter().recipient_id}-new_listing/>"
    )
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.get_content_type() == "multipart/alternative"


@pytest.mark.parametrize(
    "title",
    [
        "Brood by \N{RIGHT SINGLE QUOTATION MARK}n bakkery, R25 \N{EN DASH} vandag",
        "パン" * 60,
        "long " * 24,
        "x" * 120,
        "Bread\r\nBcc: everybody@example.org",
        "Bread\n\nAnd a body",
        "=?utf-8?q?Bread?= and butter",
        "a\x00b",
    ],
)
async def test_a_subject_is_one_header_whatever_it_says(title: str) -> None:
    mail = await received(letter(title=title))
    assert mail["Bcc"] is None
    shown = " ".join(title.split())
    # What already looks encoded is read as if it were; it is still no more than a subject.
    assert mail["Subject"] == (shown if "=?" not in shown else "Bread and butter")


@pytest.mark.parametrize(
    "name",
    [None, "", "Zoë Müller", 'O\'Neil, "Pat" <x@y.example>', "a\r\nBcc: b@c.example", "名" * 10],
)
async def test_a_name_is_no_more_than_a_name(name: str | None) -> None:
    mail = await received(letter(recipient_name=name))
    (to,) = mail["To"].addresses
    assert to.addr_spec == "thandi@example.org"
    assert to.display_name == " ".join((name or "").split())
    assert mail["Bcc"] is None


async def test_long_lines_and_other_alphabets_arrive_whole() -> None:
    message = "ä" * 600 + " " + "b" * 1_200
    text, html = (await received(letter(message=message))).iter_parts()
    assert text.get_content().strip() == message
    assert message in html.get_content()


@pytest.mark.parametrize(
    "message",
    [
        "one\r\ntwo\rthree\nfour",
        ".\n..\n.hidden",
        "-- \ntrailing space \t\n",
        f"--=_{NOTIFICATION.hex}--\nno end",
        "From the bakery\n=20 =3D",
        "",
    ],
)
async def test_the_text_is_as_it_was_written(message: str) -> None:
    text, html = (await received(letter(message=message))).iter_parts()
    lines = message.rstrip("\n").splitlines() or [""]
    assert text.get_content().splitlines() == lines
    assert "\r\n".join(lines) in html.get_content()


@pytest.mark.parametrize(
    ("address", "envelope"),
    [
        ("thandi@example.org", "thandi@example.org"),
        ("first.last+tag@mail.example.org", "first.last+tag@mail.example.org"),
        ("o'neil@example.org", "o'neil@example.org"),
        ("root@localhost", "root@localhost"),
        ("info@bücher.example", "info@xn--bcher-kva.example"),
    ],
)
def test_an_address_is_written_as_servers_take_it(address: str, envelope: str) -> None:
    assert envelope_address(address) == envelope


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nonsense",
        "a@",
        "@b.example",
        "a@b@c.example",
        "a b@c.example",
        "a@b.example\r\nRCPT TO:<c@d.example>",
        "a@b.example, c@d.example",
        "Thandi <a@b.example>",
        "jö@b.example",
        "\ud800@b.example",
        "a@\ud800.example",
        "a..b@c.example",
        "a@b..example",
        "a@" + "b" * 64 + ".example",
        "x" * 65 + "@b.example",
    ],
)
def test_what_is_no_address_is_said_to_be_none(address: str) -> None:
    with pytest.raises(NotAnAddress):
        envelope_address(address)
