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


def with_standing(
    update: list[dict[str, Any]], *, state: str, is_on: object, time: str, accepted_at: datetime
) -> list[dict[str, Any]]:
    """Return `update` of something that is on at a time while its field `state` says `is_on`.

    `revision` counts the updates, and `announced_at` keeps when it was heard, as of `accepted_at`,
    that the thing is on at the `time` that the field of this name says.
    """
    is_news = {"$or": [{"$ne": ["$before.state", is_on]}, {"$ne": ["$before.time", f"${time}"]}]}
    return [
        {"$set": {"before": {"state": f"${state}", "time": f"${time}"}}},
        *update,
        {
            "$set": {
                "announced_at": {"$cond": [is_news, accepted_at, "$announced_at"]},
                "revision": {"$add": [{"$ifNull": ["$revision", 0]}, 1]},
            }
        },
        {"$unset": "before"},
    ]
