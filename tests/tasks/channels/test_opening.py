from __future__ import annotations

import email
import email.policy
import html
import re
from pathlib import Path

import pytest

from config.settings import read_settings
from rules.kinds import Channel
from storage.click_links import ClickLink, ClickLinks
from tasks.channels.email_file import EmailFiles
from tasks.channels.fcm import FcmSender
from tasks.channels.opening import close_outlets, open_outlets
from tasks.channels.push_file import PushFiles
from tasks.channels.ses import SesSender
from tasks.channels.sms_file import SmsFiles
from tasks.channels.smtp import SmtpSender
from tasks.channels.twilio import TwilioSender
from tasks.emails.templates import FileTemplates
from tasks.letter import EmailAddress
from tasks.permit import Permit
from tests.support.peers.fcm import FcmPeer
from tests.tasks.letters import letter

TWILIO = "twilio://AC1:token@/?from=+27100000000"


@pytest.mark.parametrize(
    ("mail", "sms", "senders"),
    [
        ("file:", "file:", (EmailFiles, SmsFiles)),
        ("smtp://mail.example:25", TWILIO, (SmtpSender, TwilioSender)),
        ("smtps://mail.example", TWILIO, (SmtpSender, TwilioSender)),
        ("ses://af-south-1?from=post@savenbite.example", "file:", (SesSender, SmsFiles)),
    ],
)
@pytest.mark.parametrize("push", [PushFiles, FcmSender])
async def test_each_channel_goes_through_what_the_settings_name(
    tmp_path: Path, mail: str, sms: str, senders: tuple[type, type], push: type
) -> None:
    account = FcmPeer().account(tmp_path)
    settings = read_settings(
        {
            "SNB_DATA_DIR": str(tmp_path),
            "SNB_EMAIL_URL": mail,
            "SNB_SMS_URL": sms,
            "SNB_PUSH_URL": "file:" if push is PushFiles else f"fcm:{account}",
        }
    )
    outlets = open_outlets(settings, FileTemplates(settings.public_url))
    assert {channel: type(outlet.sender) for channel, outlet in outlets.items()} == {
        Channel.EMAIL: senders[0],
        Channel.PUSH: push,
        Channel.SMS: senders[1],
    }
    await close_outlets(outlets)


async def test_a_mail_leads_on_by_way_of_us_but_for_what_is_about_leaving(tmp_path: Path) -> None:
    settings = read_settings(
        {"SNB_DATA_DIR": str(tmp_path), "SNB_PUBLIC_URL": "https://savenbite.example"}
    )
    outlets = open_outlets(settings, FileTemplates(settings.public_url))
    sent = letter()
    await outlets[Channel.EMAIL].sender.send(
        sent, EmailAddress("thandi@example.org"), Permit(float("inf"))
    )
    await close_outlets(outlets)
    (path,) = (tmp_path / "outbox" / "email").iterdir()
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    clicks = ClickLinks(settings.encryption_keys, settings.public_url)
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        assert part is not None
        shown = html.unescape(part.get_content())
        (token,) = set(re.findall(r"https://savenbite\.example/c/([^/\s\"]+)/", shown))
        assert clicks.read(token) == ClickLink(
            sent.recipient_id, sent.notification_id, "https://savenbite.example/listings/770g"
        )
        assert "https://savenbite.example/unsubscribe/" in shown
        assert "https://savenbite.example/settings/notifications" in shown
        assert "/listings/770g" not in shown
