from __future__ import annotations

import email
import email.policy
from pathlib import Path

import pytest

from rules.deliveries import Permanent, Reason, Sent, Transient
from storage.unsubscribe_links import UnsubscribeLinks
from tasks.channels.email_file import EmailFiles
from tasks.channels.mail import Mailer, NotRendered
from tasks.emails.rendered import Rendered
from tasks.emails.templates import FileTemplates
from tasks.letter import EmailAddress, Letter
from tasks.permit import Permit, PermitExpired
from tests.tasks.letters import NOTIFICATION, letter

ALWAYS, NEVER = Permit(float("inf")), Permit(0.0)
THANDI = EmailAddress("thandi@example.org")
PUBLIC_URL = "https://savenbite.example"
PAGES = UnsubscribeLinks([b"k" * 32], PUBLIC_URL)
MAILER = Mailer(FileTemplates(PUBLIC_URL), PAGES, sender=None)


def files_in(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


class Broken:
    async def render(self, letter: Letter, *, unsubscribe_url: str) -> Rendered:
        raise NotRendered(letter.kind, "UndefinedError")


async def test_a_mail_is_a_file_and_its_repeat_the_same_file(tmp_path: Path) -> None:
    files = EmailFiles(tmp_path / "email", MAILER)
    for _ in range(2):
        assert await files.send(letter(), THANDI, ALWAYS) == Sent(f"{NOTIFICATION}.eml")
    (path,) = (tmp_path / "email").iterdir()
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert mail["To"] == "Thandi Nkosi <thandi@example.org>"
    assert mail["Subject"] == "Sourdough loaves at Sunrise Bakery"
    await files.close()


async def test_without_a_permit_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(PermitExpired):
        await EmailFiles(tmp_path / "email", MAILER).send(letter(), THANDI, NEVER)
    assert not (tmp_path / "email").exists()


async def test_what_can_never_be_mailed_is_said_to_be_so(tmp_path: Path) -> None:
    files = EmailFiles(tmp_path, MAILER)
    assert await files.send(letter(), EmailAddress("nonsense"), ALWAYS) == Permanent(
        "not an address", Reason.ADDRESS_GONE
    )
    broken = EmailFiles(tmp_path, Mailer(Broken(), PAGES, sender=None))
    assert await broken.send(letter(), THANDI, ALWAYS) == Permanent("new_listing: UndefinedError")
    assert not files_in(tmp_path)


async def test_a_directory_that_cannot_be_is_tried_again_later(tmp_path: Path) -> None:
    (tmp_path / "email").touch()
    outcome = await EmailFiles(tmp_path / "email", MAILER).send(letter(), THANDI, ALWAYS)
    assert isinstance(outcome, Transient)
