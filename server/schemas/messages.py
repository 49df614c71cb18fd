"""Name bad fields the way clients see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

from server.garbage import let_go


def problems_of(error: ValidationError, path: str = "") -> dict[str, list[str]]:
    """Return what a schema found wrong, and let go of the error: marshmallow's frames hold it."""
    let_go(error)
    return flattened(error.messages, path)


def flattened(messages: Any, path: str = "") -> dict[str, list[str]]:
    """Return marshmallow's nested messages as `{"events.3.data.price": [message, ...]}`."""
    if isinstance(messages, Mapping):
        flat: dict[str, list[str]] = {}
        for key, nested in messages.items():
            name = "" if key == "_schema" else str(key)
            flat |= flattened(nested, ".".join(part for part in (path, name) if part))
        return flat
    return {path or "body": [str(message) for message in messages]}
