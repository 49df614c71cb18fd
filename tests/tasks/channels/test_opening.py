from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import read_settings
from rules.kinds import Channel
from tasks.channels.email_file import EmailFiles
from tasks.channels.fcm import FcmSender
from tasks.channels.opening import close_outlets, open_outlets
from tasks.channels.push_file import PushFiles
from tasks.channels.ses import SesSender
from tasks.channels.sms_file import SmsFiles
from tasks.channels.smtp import SmtpSender
from tasks.channels.twilio import TwilioSender
from tasks.emails.templates import FileTemplates
from tests.support.peers.fcm import FcmPeer

TWILIO = "twilio://AC1:token@/?from=+27100000000"


@pytest.mark.parametrize(
    ("email", "sms", "senders"),
    [
        ("file:", "file:", (EmailFiles, SmsFiles)),
        ("smtp://mail.example:25", TWILIO, (SmtpSender, TwilioSender)),
        ("smtps://mail.example", TWILIO, (SmtpSender, TwilioSender)),
        ("ses://af-south-1?from=post@savenbite.example", "file:", (SesSender, SmsFiles)),
    ],
)
@pytest.mark.parametrize("push", [PushFiles, FcmSender])
async def test_each_channel_goes_through_what_the_settings_name(
    tmp_path: Path, email: str, sms: str, senders: tuple[type, type], push: type
) -> None:
    account = FcmPeer().account(tmp_path)
    settings = read_settings(
        {
            "SNB_DATA_DIR": str(tmp_path),
            "SNB_EMAIL_URL": email,
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
