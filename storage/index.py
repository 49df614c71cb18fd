"""An index, with the query that it serves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """One index. Unique ones begin with the shard key, or no sharded cluster would take them."""

    name: str
    collection: str
    keys: tuple[str, ...]
    serves: str
    options: Mapping[str, Any] = field(default_factory=dict)
