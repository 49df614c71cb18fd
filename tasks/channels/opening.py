"""Open each channel over the provider that the settings name; SDKs are loaded only then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from config.callbacks import twilio_callback
from rules.kinds import Channel
from storage.click_links import ClickLinks
from storage.unsubscribe_links import UnsubscribeLinks
from tasks.channels.email_file import EmailFiles
from tasks.channels.mail import Mailer, Renderer
from tasks.channels.push_file import PushFiles
from tasks.channels.sms_file import SmsFiles
from tasks.emails.counting import CountedButtons
from tasks.outlet import Outlet

if TYPE_CHECKING:
    from config.settings import Settings
    from tasks.channels.sender import Sender
    from tasks.letter import Device, EmailAddress, PhoneNumber

Outlets = dict[Channel, Outlet[Any]]


def open_outlets(settings: Settings, renderer: Renderer) -> Outlets:
    """Return the outlet of every channel; connections are made when first used."""
    return {
        Channel.EMAIL: Outlet(_email(settings, renderer), settings.email),
        Channel.PUSH: Outlet(_push(settings), settings.push),
        Channel.SMS: Outlet(_sms(settings), settings.sms),
    }


async def close_outlets(outlets: Outlets) -> None:
    """Give the connections of all channels back."""
    for outlet in outlets.values():
        await outlet.sender.close()


def _email(settings: Settings, renderer: Renderer) -> Sender[EmailAddress]:
    provider = settings.email
    pages = UnsubscribeLinks(settings.encryption_keys, settings.public_url)
    clicks = ClickLinks(settings.encryption_keys, settings.public_url)
    mailer = Mailer(
        renderer,
        pages,
        sender=provider.options.get("from"),
        counting=CountedButtons(clicks, settings.public_url),
    )
    match provider.scheme:
        case "ses":
            from tasks.channels.ses import SesSender  # noqa: PLC0415

            return SesSender(provider, mailer)
        case "smtp" | "smtps":
            from tasks.channels.smtp import SmtpSender  # noqa: PLC0415

            return SmtpSender(provider, mailer)
    return EmailFiles(settings.data_dir / "outbox" / "email", mailer)


def _push(settings: Settings) -> Sender[Device]:
    if settings.push.scheme == "fcm":
        from tasks.channels.fcm import FcmSender  # noqa: PLC0415

        return FcmSender(settings.push)
    return PushFiles(settings.data_dir / "outbox" / "push")


def _sms(settings: Settings) -> Sender[PhoneNumber]:
    if settings.sms.scheme == "twilio":
        from tasks.channels.twilio import TwilioSender  # noqa: PLC0415

        return TwilioSender(settings.sms, callback=twilio_callback(settings))
    return SmsFiles(settings.data_dir / "outbox" / "sms")
