"""The versions of one template, and those of others."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from tests.storage.filled.asked import OWNER, SHARE
from tests.storage.samples import NOON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.client import Document

ASKED = "asked"
VERSIONS = 15
"""Fewer than are kept, or one would be dropped for the next."""


def documents() -> Iterator[Document]:
    for n in count():
        name = ASKED if n < VERSIONS else f"other-{n // SHARE}"
        yield {
            "_id": f"{name}/en/{n}",
            "name": name,
            "locale": "en",
            "version": n,
            "updated_at": NOON,
            "updated_by": OWNER,
            "subject": "s",
            "html": "h",
            "text": "t",
        }
