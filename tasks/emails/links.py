"""Which addresses a mail may lead to: the web, the app, and nothing that runs."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

APP_SCHEME = "savenbiteguild"

_WEB = frozenset({"http", "https"})
LONGEST = 2_048
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
"""What browsers drop from an address or turn into another character before they read it."""


class Links:
    """Makes addresses absolute below `public_url`."""

    def __init__(self, public_url: str) -> None:
        self.public_url = public_url.rstrip("/")

    def action(self, url: Any) -> str | None:
        """Return where a button leads, or None where it must not lead there."""
        return self._absolute(url, _WEB | {APP_SCHEME})

    def image(self, url: Any) -> str | None:
        """Return where a picture is, or None when it is not on the web."""
        return self._absolute(url, _WEB)

    def _absolute(self, url: Any, schemes: frozenset[str]) -> str | None:
        if not isinstance(url, str) or not url or len(url) > LONGEST or _UNSAFE.search(url):
            return None
        if url.startswith("/") and not url.startswith("//"):
            return self.public_url + url
        try:
            parts = urlsplit(url)
        except ValueError:
            return None
        return url if parts.scheme in schemes and parts.netloc else None
