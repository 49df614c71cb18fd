"""Deliveries: what became of each channel of a notification, kept in the notification's row.

    channels.<channel>: {status, reason, due_at, filed, sent_at, last_error, attention, feedback,
                         provider_message_id, forgiven, charged_on, claim, owner, epoch, claimed_at,
                         attempts: [{at, ended_at, error, uncertain, provider_message_id}],
                         devices: {<device id>: {...}}}

    queued ──claim──► sending ──begin──► (an attempt is open) ──record──► sent, deferred, failed …
      ▲                  │                                                          │
      └── release, recover┘◄──────────────── requeue, once it is due ───────────────┘

`due_at` is there while somebody has to look at it again, whoever has it now; `filed` is how it is
found, then and after (storage/filing.py). `attention` is there while an operator should look, who
may have it tried again: the attempts until then are `forgiven`. Every step after the claim is
guarded by it, so that what a worker does after it was given up changes nothing. Queries name the
recipient, the shard key.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rules.caps import CHARGED_ON
from rules.deliveries import DeliveryStatus
from storage.collection import StoreCollection, portions
from storage.delivery_entries import CLAIM_FIELDS, alike, written
from storage.filing import HEADING_OF_WAITING, Heading
from storage.notification_rows import NotificationRow, named
from storage.sealing import opened

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from rules.lease import Lease
    from storage.client import Document
    from storage.collection import Update
    from storage.delivery_entries import Entry
    from storage.encryption import FieldCipher

WAITING = [DeliveryStatus.QUEUED, DeliveryStatus.DEFERRED]

ROWS_AT_ONCE = 25
"""In one update. The embedded store compares each row with each id: to claim, begin and record one
took 6.8 ms in portions of 16, 8.2 in those of 50; more round trips cost the worker."""

Ref = tuple["UUID", "UUID"]
"""(recipient, notification)."""


@dataclass(frozen=True, slots=True)
class Held:
    """A delivery that is ours by a claim."""

    row: NotificationRow
    attempts: int
    """How many there were before."""

    forgiven: int
    """How many of them do not count any more."""

    devices: Mapping[str, Mapping[str, Any]]
    """Of a push: the devices that are done, by id."""

    @property
    def ref(self) -> Ref:
        """Return its name."""
        return self.row.recipient_id, self.row.id


class DeliveriesRepository:
    """The field `channels` of the collection `notifications`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document], cipher: FieldCipher) -> None:
        self._rows = StoreCollection(database["notifications"])
        self._cipher = cipher

    async def claim(
        self,
        channel: str,
        refs: Collection[Ref],
        lease: Lease,
        *,
        claim: UUID,
        at: datetime,
        recheck_at: datetime,
    ) -> list[Held]:
        """Make those of `refs` ours that are queued, and return them."""
        state = f"channels.{channel}"
        taken = {
            f"{state}.status": DeliveryStatus.SENDING,
            f"{state}.claim": claim,
            f"{state}.owner": lease.owner,
            f"{state}.epoch": lease.epoch,
            f"{state}.claimed_at": at,
            f"{state}.due_at": recheck_at,
            f"{state}.filed": {"under": Heading.CLAIMED, "at": recheck_at},
        }
        if not await self._update(
            refs, {f"{state}.status": DeliveryStatus.QUEUED}, {"$set": taken}
        ):
            return []
        held: list[Held] = []
        for some in portions(refs):
            found = await self._rows.find({**named(some), f"{state}.claim": claim})
            held += (_held(channel, opened(row, self._cipher)) for row in found)
        return held

    async def charge(self, channel: str, claim: UUID, days: Collection[tuple[Ref, str]]) -> None:
        """Note on which day, as an ISO date, each of these counts to the caps (rules/caps.py)."""
        by_day: defaultdict[str, list[Ref]] = defaultdict(list)
        for ref, day in days:
            by_day[day].append(ref)
        for day, refs in by_day.items():
            update = {"$set": {f"channels.{channel}.{CHARGED_ON}": day}}
            await self._update(refs, {f"channels.{channel}.claim": claim}, update)

    async def begin(
        self, channel: str, refs: Collection[Ref], claim: UUID, *, at: datetime
    ) -> set[Ref]:
        """Open an attempt of each of `refs` that is still ours, and return those.

        From here on the provider may have it.
        """
        state = f"channels.{channel}"
        begun: set[Ref] = set()
        for some in portions(refs, ROWS_AT_ONCE):
            ours = {**named(some), f"{state}.claim": claim}
            update = {"$push": {f"{state}.attempts": {"at": at}}}
            if await self._rows.update_many(ours, update) == len(some):
                begun |= set(some)
            else:
                left = await self._rows.find(ours, {"recipient_id": 1})
                begun |= {(row["recipient_id"], row["_id"]) for row in left}
        return begun

    async def record(self, channel: str, claim: UUID, entries: Sequence[Entry]) -> None:
        """Write how held deliveries stand; those that are no longer ours stay as they are."""
        for some in alike(entries):
            for few in portions(some, ROWS_AT_ONCE):
                refs = [entry.ref for entry in few]
                ours = {f"channels.{channel}.claim": claim}
                await self._update(refs, ours, written(channel, few))

    async def release(
        self, channel: str, refs: Collection[Ref], claim: UUID, *, due_at: datetime
    ) -> None:
        """Give back those of `refs` that are ours and not begun, to be taken at once."""
        state = f"channels.{channel}"
        queued = {
            f"{state}.status": DeliveryStatus.QUEUED,
            f"{state}.due_at": due_at,
            f"{state}.filed": {"under": HEADING_OF_WAITING, "at": due_at},
        }
        stages: list[dict[str, Any]] = [{"$unset": [*claim_of(state)]}, {"$set": queued}]
        await self._update(refs, {f"{state}.claim": claim}, stages)

    async def requeue(self, channel: str, refs: Collection[Ref], *, until: datetime) -> int:
        """Let those of `refs` that wait be claimed, and be due again at `until`."""
        state = f"channels.{channel}"
        due = {f"{state}.status": {"$in": WAITING}, f"{state}.due_at": {"$lt": until}}
        update = {
            "$set": {f"{state}.status": DeliveryStatus.QUEUED, **_due(state, until)},
            "$unset": {f"{state}.reason": ""},
        }
        return await self._update(refs, due, update)

    async def put_off(self, channel: str, refs: Collection[Ref], *, until: datetime) -> None:
        """Look again at `until` at those of `refs` that are queued."""
        state = f"channels.{channel}"
        queued = {f"{state}.status": DeliveryStatus.QUEUED}
        await self._update(refs, queued, {"$set": _due(state, until)})

    async def unread_counts(self, recipient_ids: Collection[UUID]) -> dict[UUID, int]:
        """Return how many rows each has not read."""
        counts = dict.fromkeys(recipient_ids, 0)
        for some in portions(recipient_ids):
            counted = await self._rows.aggregate(
                [
                    {"$match": {"unread": True, "recipient_id": {"$in": some}}},
                    {"$group": {"_id": "$recipient_id", "rows": {"$sum": 1}}},
                ]
            )
            counts |= {row["_id"]: row["rows"] for row in counted}
        return counts

    async def _update(self, refs: Collection[Ref], also: Mapping[str, Any], update: Update) -> int:
        """Update those of `refs` that match `also`; return how many changed."""
        changed = 0
        for some in portions(refs, ROWS_AT_ONCE):
            changed += await self._rows.update_many({**named(some), **also}, update)
        return changed


def _due(state: str, at: datetime) -> dict[str, datetime]:
    """Return when what waits is due, and filed, to be set."""
    return {f"{state}.due_at": at, f"{state}.filed.at": at}


def claim_of(state: str) -> dict[str, str]:
    """Return what a claim has written, to be unset."""
    return {f"{state}.{name}": "" for name in CLAIM_FIELDS}


def _held(channel: str, document: Document) -> Held:
    state = document["channels"][channel]
    return Held(
        NotificationRow.from_document(document),
        len(state.get("attempts", ())),
        state.get("forgiven", 0),
        state.get("devices", {}),
    )
