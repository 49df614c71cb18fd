"""Read which provider each channel goes through: `SNB_EMAIL_URL`, `SNB_PUSH_URL`, `SNB_SMS_URL`.

    file:                                           one file a message, below the data directory
    smtp://user:password@host:port?starttls=1       smtps:// speaks TLS from the start
    ses://region?topic_arn=arn:aws:sns:...&endpoint=http://...
    fcm:path/to/service-account.json?endpoint=http://...
    twilio://sid:token@/?from=+27...&endpoint=http://...

Every one but `file:` takes `concurrency` (what may be with the provider unacknowledged, in one
worker), `rate` (most a second, in one worker) and `timeout_s`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from config.reader import Reader, is_url, refusal

FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One channel's provider, taken apart; its `repr` holds no secret."""

    scheme: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    host: str | None = None
    port: int | None = None
    path: str = ""
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    concurrency: int
    """Deliveries that one worker may have handed over without an answer."""

    rate: float | None = None
    """Most a second that one worker begins, None for no limit of ours."""

    timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scheme:
    needs: tuple[str, ...] = ()
    options: frozenset[str] = frozenset()
    needed_options: frozenset[str] = frozenset()


_MAILBOX = re.compile(r"(?:[^<>@\r\n]*<)?[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+>?")

_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}")

_COMMON = frozenset({"concurrency", "rate", "timeout_s"})

_EMAIL = {
    FILE: _Scheme(options=frozenset({"from"})),
    "smtp": _Scheme(needs=("host",), options=frozenset({"starttls", "from"})),
    "smtps": _Scheme(needs=("host",), options=frozenset({"from"})),
    "ses": _Scheme(
        needs=("host",),
        options=frozenset({"endpoint", "from", "configuration_set", "topic_arn", "sns_endpoint"}),
    ),
}
_PUSH = {FILE: _Scheme(), "fcm": _Scheme(needs=("path",), options=frozenset({"endpoint"}))}
_SMS = {
    FILE: _Scheme(),
    "twilio": _Scheme(
        needs=("user", "password"),
        options=frozenset({"from", "endpoint", "status_callback"}),
        needed_options=frozenset({"from"}),
    ),
}

ANY_TOPIC = "arn:aws:sns:af-south-1:123456789012:mail"

CONCURRENCY = {"EMAIL_URL": 100, "PUSH_URL": 64, "SMS_URL": 16}
MOST_CONCURRENCY = 1_000
TIMEOUT_S = 20.0
LONGEST_TIMEOUT_S = 30.0
"""A claimed delivery is given up after 45 s; a provider must have answered by then."""


def read_email_provider(reader: Reader, *, is_production: bool) -> Provider:
    """Return where mails go. Raises SettingsError."""
    return _read(reader, "EMAIL_URL", _EMAIL, is_production)


def read_push_provider(reader: Reader, *, is_production: bool) -> Provider:
    """Return where pushes go. Raises SettingsError."""
    return _read(reader, "PUSH_URL", _PUSH, is_production)


def read_sms_provider(reader: Reader, *, is_production: bool) -> Provider:
    """Return where text messages go. Raises SettingsError."""
    return _read(reader, "SMS_URL", _SMS, is_production)


def _read(
    reader: Reader, name: str, schemes: Mapping[str, _Scheme], is_production: bool
) -> Provider:
    value = reader.optional(name)
    if value is None:
        if is_production:
            raise refusal(name, "must be set in production (file: writes to the data directory)")
        value = "file:"
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise refusal(name, "is not a URL") from None
    scheme = schemes.get(parts.scheme)
    if scheme is None:
        raise refusal(name, f"must begin with one of {', '.join(f'{each}:' for each in schemes)}")
    options = _options(name, parts.query, scheme)
    provider = Provider(
        scheme=parts.scheme,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        host=parts.hostname,
        port=port,
        path=unquote(parts.path),
        options=MappingProxyType({k: v for k, v in options.items() if k not in _COMMON}),
        concurrency=int(
            _number(name, options, "concurrency", CONCURRENCY[name], 1, MOST_CONCURRENCY)
        ),
        rate=_number(name, options, "rate", 0.0, 0.01, 1_000_000) if "rate" in options else None,
        timeout_s=_number(name, options, "timeout_s", TIMEOUT_S, 0.1, LONGEST_TIMEOUT_S),
    )
    _check(name, provider, scheme)
    return provider


def _options(name: str, query: str, scheme: _Scheme) -> dict[str, str]:
    # By hand, because a form's decoding would make a space of the plus of a phone number.
    pairs = (part.partition("=") for part in query.split("&") if part)
    options = {key: unquote(value) for key, _, value in pairs}
    unknown = options.keys() - scheme.options - _COMMON
    if unknown:
        raise refusal(name, f"has an unknown option {min(unknown)!r}")
    missing = {option for option in scheme.needed_options if not options.get(option)}
    if missing:
        raise refusal(name, f"needs the option {min(missing)!r}")
    return options


def _check(name: str, provider: Provider, scheme: _Scheme) -> None:
    for part in scheme.needs:
        if not getattr(provider, part):
            raise refusal(name, f"{provider.scheme}: needs a {part}")
    for option in ("endpoint", "sns_endpoint", "status_callback"):
        url = provider.options.get(option)
        if url is not None and not is_url(url, ("http", "https")):
            raise refusal(name, f"{option} must be a URL such as http://127.0.0.1:9000")
    if not _TOPIC.fullmatch(provider.options.get("topic_arn", ANY_TOPIC)):
        raise refusal(name, f"topic_arn must be the ARN of a topic such as {ANY_TOPIC}")
    if provider.scheme == "fcm" and not Path(provider.path).is_file():
        raise refusal(name, f"{provider.path} is not a file")
    sender = provider.options.get("from")
    if name == "EMAIL_URL" and sender is not None and not _MAILBOX.fullmatch(sender):
        raise refusal(name, "from must be an address such as Save n Bite <post@savenbite.example>")
    if provider.options.get("starttls", "0") not in {"0", "1"}:
        raise refusal(name, "starttls must be 0 or 1")


def _number(
    name: str, options: Mapping[str, str], option: str, default: float, low: float, high: float
) -> float:
    try:
        value = float(options.get(option, default))
    except ValueError:
        value = -1.0
    if not low <= value <= high:
        raise refusal(name, f"{option} must be a number from {low:g} to {high:g}")
    return value
