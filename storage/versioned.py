"""Keep the newest value of each field, in whatever order values arrive."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


def newest_wins(
    changes: Mapping[str, Mapping[str, Any]], occurred_at: datetime
) -> list[dict[str, Any]]:
    """Return the update that sets what nothing newer has set; of equal times the last one wins.

    `changes` is `{version: {field: value}}`: the fields of one version change together. None
    removes a field. The times are kept in `versions.<version>`. Of no changes it is no update,
    which a store refuses: leave it out.
    """
    values: dict[str, Any] = {}
    versions: dict[str, Any] = {}
    for version, fields in changes.items():
        known = f"$versions.{version}"
        is_newer = {"$gte": [occurred_at, {"$ifNull": [known, LONG_AGO]}]}
        for field, value in fields.items():
            # A literal, because a value may begin with "$".
            new = "$$REMOVE" if value is None else {"$literal": value}
            values[field] = {"$cond": [is_newer, new, f"${field}"]}
        versions[f"versions.{version}"] = {"$max": [occurred_at, known]}
    return [{"$set": values}, {"$set": versions}]
