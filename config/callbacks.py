"""Where Twilio tells what became of an SMS."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from config.settings import Settings

TWILIO_PATH = "/api/webhooks/twilio/"


def twilio_callback(settings: Settings) -> str | None:
    """Return the URL without the ids that each message adds, None when Twilio is told none.

    That is the option `status_callback`, or else our own, if it can be reached from outside: Twilio
    refuses a message whose callback is on a loopback address.
    """
    if settings.sms.scheme != "twilio":
        return None
    given = settings.sms.options.get("status_callback")
    if given is not None:
        return given
    public = urlsplit(settings.public_url)
    if public.scheme != "https" or _is_loopback(public.hostname or ""):
        return None
    return settings.public_url + TWILIO_PATH


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
