"""Name bad fields the way clients see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def flattened(messages: Any, path: str = "") -> dict[str, list[str]]:
    """Return marshmallow's nested messages as `{"events.3.data.price": [message, ...]}`."""
    if isinstance(messages, Mapping):
        flat: dict[str, list[str]] = {}
        for key, nested in messages.items():
            name = "" if key == "_schema" else str(key)
            flat |= flattened(nested, ".".join(part for part in (path, name) if part))
        return flat
    return {path or "body": [str(message) for message in messages]}
