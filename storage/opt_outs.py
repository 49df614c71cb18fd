"""Opt-outs: that somebody switched off what was on, and not who.

    users.opt_outs  [{token, at, what, way}]
    opt_outs        {_id: token, at, what, way, purge_at}

An opt-out is noted in the update that makes it, which alone knows what was on before, and so in the
user's document; it is gathered from there into rows that tell of nobody. Both have the same token:
what a killed gathering left in both is one opt-out.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from pymongo import UpdateOne

from rules.opt_outs import Muted, Switch, Way, switched_off
from storage.collection import StoreCollection

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

KEPT_FOR = timedelta(days=180)
"""They are in the counts of their day long before."""

MOST_NOTED = 100
"""Of one user, the latest, until they are gathered: by hand nobody gets there."""

USERS_AT_ONCE = 500


def noting(changes: Mapping[str, Any], *, at: datetime, way: Way) -> list[dict[str, Any]]:
    """Return the stages that note what `changes` switch off, to go before those that do so."""
    entries = [
        {
            "$cond": [
                _was_on(each),
                [{"$literal": {"token": uuid4(), "at": at, "what": each.what, "way": way.value}}],
                [],
            ]
        }
        for each in switched_off(changes)
    ]
    if not entries:
        return []
    noted = {"$concatArrays": [{"$ifNull": ["$opt_outs", []]}, *entries]}
    return [
        {"$set": {"opt_outs": {"$slice": [noted, -MOST_NOTED]}}},
        _without_an_empty_list(),
    ]


def _was_on(each: Switch | Muted) -> dict[str, Any]:
    stored = f"$preferences.{each.preference}"
    if isinstance(each, Muted):
        return {"$not": [{"$in": [each.entry, {"$ifNull": [stored, []]}]}]}
    return {"$ne": [{"$ifNull": [stored, each.default]}, each.off]}


def _without_an_empty_list() -> dict[str, Any]:
    """Return the stage that lets the field go, so that the index holds only who has entries."""
    return {"$set": {"opt_outs": {"$cond": [{"$eq": ["$opt_outs", []]}, "$$REMOVE", "$opt_outs"]}}}


class OptOuts:
    """The collection `opt_outs`, and the field of that name in `users`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._users = StoreCollection(database["users"])
        self._rows = StoreCollection(database["opt_outs"])

    async def gather(self, *, before: datetime) -> int:
        """Make rows of what users noted before `before`, and return how many there were."""
        gathered = 0
        while True:
            users = await self._users.find(
                {"opt_outs.at": {"$lt": before}}, {"opt_outs": 1}, limit=USERS_AT_ONCE
            )
            if not users:
                return gathered
            entries = [entry for user in users for entry in user["opt_outs"]]
            await self._rows.insert_new([_row(entry) for entry in entries])
            await self._users.bulk_update(
                _gathered(user["_id"], [entry["token"] for entry in user["opt_outs"]])
                for user in users
            )
            gathered += len(entries)

    async def count(self, since: datetime, until: datetime) -> Counter[tuple[str, Way]]:
        """Return how often what was switched off how, from `since` to before `until`."""
        between = {"$gte": since, "$lt": until}
        # Noted ones first: what is gathered meanwhile is then seen twice, and not never.
        users = await self._users.find({"opt_outs.at": between}, {"opt_outs": 1})
        noted = [entry for user in users for entry in user["opt_outs"]]
        found = {entry["token"]: entry for entry in noted if since <= entry["at"] < until}
        for row in await self._rows.find({"at": between}, {"what": 1, "way": 1}):
            found[row["_id"]] = row
        return Counter((entry["what"], Way(entry["way"])) for entry in found.values())


def _row(entry: Mapping[str, Any]) -> Document:
    rest = {name: entry[name] for name in ("at", "what", "way")}
    return {"_id": entry["token"], **rest, "purge_at": entry["at"] + KEPT_FOR}


def _gathered(user_id: UUID, tokens: list[UUID]) -> UpdateOne:
    others = {
        "$filter": {
            "input": {"$ifNull": ["$opt_outs", []]},
            "cond": {"$not": [{"$in": ["$$this.token", tokens]}]},
        }
    }
    return UpdateOne({"_id": user_id}, [{"$set": {"opt_outs": others}}, _without_an_empty_list()])
