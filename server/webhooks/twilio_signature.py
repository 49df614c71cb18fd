"""How Twilio signs what it sends (its documentation: "Webhooks security")."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit, urlunsplit

Form = Mapping[str, Sequence[str]]

_PORTS = {"https": 443, "http": 80}


def signature(token: str, url: str, form: Form) -> str:
    """Return the base64 of the HMAC-SHA1 of the URL and all fields in order of their names."""
    signed = url + "".join(
        name + value for name in sorted(form) for value in sorted(set(form[name]))
    )
    digest = hmac.digest(token.encode(), signed.encode(), "sha1")
    return base64.b64encode(digest).decode()


def is_signed(given: str, token: str, urls: Iterable[str], form: Form) -> bool:
    """Tell whether `given` is the signature for one of `urls`, with its port or without it."""
    # Twilio is not consistent in that; its own library tries both.
    expected = [
        signature(token, written, form) for url in urls for written in _with_and_without_port(url)
    ]
    return any(hmac.compare_digest(each.encode(), given.encode()) for each in expected)


def _with_and_without_port(url: str) -> Iterator[str]:
    parts = urlsplit(url)
    bare = parts.netloc if parts.port is None else parts.netloc.rpartition(":")[0]
    port = parts.port or _PORTS[parts.scheme]
    for netloc in (bare, f"{bare}:{port}"):
        yield urlunsplit(parts._replace(netloc=netloc))
