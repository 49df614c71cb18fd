"""Users by what they are, spread over slots so that each share is a closed range.

By fields of `users` that storage/newcomers.py writes:

    slot                          see rules/slots.py
    in_force: {timezone, locale}  what the user set, else what the profile says, else the default
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rules.segments import Traits
from rules.slots import SLOTS
from storage.collection import StoreCollection
from storage.recipients import RECIPIENT_FIELDS, recipient_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from rules.recipients import Recipient
    from rules.segments import Segment
    from storage.client import Document

FEWEST_COUNTED = 1_000
"""Users of a sample that say how many there are in all, give or take 6 %."""

SAMPLES = (64, 512)
"""Slots counted, until there are users enough in them; else all are."""

_FIELDS = {**RECIPIENT_FIELDS, "last_active_at": 1, "deleted_at": 1}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A user who may be of a segment."""

    recipient: Recipient
    traits: Traits


class SegmentsRepository:
    """The collection `users`, a share at a time.

    A query names what an index covers whole, and no more: see storage/collection.py. The rest of a
    segment is for `Segment.has` to tell. Where it `may_lag`, it says about how many somebody would
    tell, and nobody is told.
    """

    def __init__(self, database: AsyncIOMotorDatabase[Document], *, may_lag: bool = False) -> None:
        users = StoreCollection(database["users"])
        self._users = users.lagging() if may_lag else users

    async def range(
        self, segment: Segment, *, slot_from: int, slot_to: int, limit: int | None = None
    ) -> list[Candidate]:
        """Return the candidates of slots `slot_from` to before `slot_to`, in no order.

        With at least `limit` of them there may be more.
        """
        found: list[Document] = []
        for query in _queries(segment, slot_from, slot_to):
            found += await self._users.find(query, _FIELDS, limit=limit)
        return [_candidate(user) for user in found]

    async def known(self, ids: Collection[UUID]) -> list[Candidate]:
        """Return those of `ids` who are known, and whom they follow."""
        found = await self._users.find_by_id(ids, {}, {**_FIELDS, "following": 1})
        return [_candidate(user) for user in found]

    async def candidates(self, segment: Segment) -> int:
        """Return about how many candidates there are in all, from a sample of the slots."""
        for slots in SAMPLES:
            if (counted := await self._count(segment, slots)) >= FEWEST_COUNTED:
                return counted * SLOTS // slots
        return await self._count(segment, SLOTS)

    async def _count(self, segment: Segment, slots: int) -> int:
        return sum([await self._users.count(query) for query in _queries(segment, 0, slots)])


def _queries(segment: Segment, slot_from: int, slot_to: int) -> list[dict[str, Any]]:
    """Return queries that have each candidate once."""
    slots = {"slot": {"$gte": slot_from, "$lt": slot_to}}
    if segment.timezone is not None:
        return [{"in_force.timezone": segment.timezone, **slots}]
    if segment.user_types:
        return [{"user_type": each, **slots} for each in dict.fromkeys(segment.user_types)]
    return [slots]


def _candidate(user: Document) -> Candidate:
    recipient = recipient_of(user)
    return Candidate(
        recipient,
        Traits(
            user_type=recipient.user_type,
            timezone=recipient.preferences.timezone,
            locale=recipient.preferences.locale,
            last_active_at=user.get("last_active_at"),
            is_deleted="deleted_at" in user,
            following=user.get("following", ()),
        ),
    )
