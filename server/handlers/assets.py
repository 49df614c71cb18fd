"""Serve the files of a page from `server/static/`, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from server.errors import NotFound
from server.handlers.base import PUBLIC, ApiHandler

STATIC = Path(__file__).parent.parent / "static"

CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def policy(**changes: str) -> str:
    """Return a page's Content-Security-Policy: its own files alone, but for `changes`."""
    sources = {
        "default_src": "'self'",
        "base_uri": "'none'",
        "form_action": "'self'",
        "frame_ancestors": "'none'",
        "object_src": "'none'",
        **changes,
    }
    return "; ".join(f"{name.replace('_', '-')} {allowed}" for name, allowed in sources.items())


class AssetHandler(ApiHandler):
    """Base of what serves a page and its files."""

    roles = {"GET": PUBLIC}
    is_part_of_api = False
    is_rate_limited = False

    files: ClassVar[Mapping[str, str]] = {}
    """Name in the path -> file below `server/static/`."""

    content_security_policy: ClassVar[str] = policy()

    cached_for_s: ClassVar[int] = 0
    """How long browsers may keep the files."""

    async def get(self, name: str = "") -> None:
        """Serve one of the page's files."""
        if name not in self.files:
            raise NotFound
        file = STATIC / self.files[name]
        self.set_header("Content-Type", CONTENT_TYPES[file.suffix])
        self.set_header("Content-Security-Policy", self.content_security_policy)
        if self.cached_for_s:
            self.set_header("Cache-Control", f"public, max-age={self.cached_for_s}")
        self.finish(file.read_bytes())
