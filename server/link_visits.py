"""Whether somebody follows a link, or a program looks where it leads.

Mail scanners and previews open the links of mails that nobody has read yet. Those that say so are
not counted; one that passes for a browser is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_PURPOSE_HEADERS = ("Purpose", "Sec-Purpose", "X-Purpose", "X-Moz")
_AHEAD_OF_TIME = re.compile(r"prefetch|prerender|preview", re.IGNORECASE)
"""What browsers and mail programs say of what they fetch before anybody asked for it."""

_PROGRAMS = re.compile(r"bot\b|crawl|spider|scanner|preview|headless", re.IGNORECASE)
"""Parts of the names by which programs call themselves that fetch by themselves."""


def is_by_somebody(method: str, headers: Mapping[str, str]) -> bool:
    """Tell whether a request for a link is somebody's who followed it, as far as it says."""
    if method != "GET":
        return False
    if any(_AHEAD_OF_TIME.search(headers.get(name, "")) for name in _PURPOSE_HEADERS):
        return False
    return not _PROGRAMS.search(headers.get("User-Agent", ""))
