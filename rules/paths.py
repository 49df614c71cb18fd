"""Put ids of the platform into paths: they are opaque, and may hold what means something there."""

from __future__ import annotations

from urllib.parse import quote


def segment(identifier: str) -> str:
    """Return `identifier` as one segment of a path."""
    return quote(identifier, safe="")
