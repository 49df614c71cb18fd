"""Deliveries: what became of each channel of a notification, kept in the notification's row.

    channels.<channel>: {status, outcome, reason, due_at, sent_at, last_error, attention, feedback,
                         provider_message_id, forgiven, charged_on, claim, owner, epoch, claimed_at,
                         attempts: [{at, ended_at, error, uncertain, provider_message_id}],
                         devices: {<device id>: {...}}}

    queued ──claim──► sending ──begin──► (an attempt is open) ──record──► sent, deferred, failed …
      ▲                  │                                                          │
      └── release, recover┘◄──────────────── requeue, once it is due ───────────────┘

`due_at` is there while somebody has to look at it again, whoever has it now; after that there is
`outcome`, the same as the status. `attention` is there while an operator should look, who may have
it tried again: the attempts until then are `forgiven`. Every step after the claim is guarded by it,
so that what a worker does after it was given up changes nothing. Queries name the recipient, the
shard key.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pymongo import UpdateOne

from rules.caps import CHARGED_ON
from rules.deliveries import ENDED, DeliveryStatus
from storage.collection import StoreCollection, portions
from storage.notification_rows import NotificationRow, named
from storage.sealing import opened

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from rules.deliveries import Settled
    from rules.lease import Lease
    from storage.client import Document
    from storage.encryption import FieldCipher

WAITING = [DeliveryStatus.QUEUED, DeliveryStatus.DEFERRED]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is written of one held delivery; `attempt` is the place of the attempt that ended."""

    ref: Ref
    stands: Settled
    at: datetime
    attempt: int | None = None
    error: str | None = None
    is_uncertain: bool = False
    is_forgiven: bool = False
    """Nothing left this process: the attempt does not count to the most there may be."""

    provider_message_id: str | None = None
    devices: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


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
        }
        held: list[Held] = []
        for some in portions(refs):
            queued = {**named(some), f"{state}.status": DeliveryStatus.QUEUED}
            if await self._rows.update_many(queued, {"$set": taken}):
                found = await self._rows.find({**named(some), f"{state}.claim": claim})
                held += (_held(channel, opened(row, self._cipher)) for row in found)
        return held

    async def charge(self, channel: str, claim: UUID, days: Collection[tuple[Ref, str]]) -> None:
        """Note on which day, as an ISO date, each of these counts to the caps (rules/caps.py)."""
        state = f"channels.{channel}"
        await self._rows.bulk_update(
            UpdateOne(
                {"_id": row_id, "recipient_id": recipient_id, f"{state}.claim": claim},
                {"$set": {f"{state}.{CHARGED_ON}": day}},
            )
            for (recipient_id, row_id), day in days
        )

    async def begin(
        self, channel: str, refs: Collection[Ref], claim: UUID, *, at: datetime
    ) -> set[Ref]:
        """Open an attempt of each of `refs` that is still ours, and return those.

        From here on the provider may have it.
        """
        state = f"channels.{channel}"
        begun: set[Ref] = set()
        for some in portions(refs):
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
        await self._rows.bulk_update(_written(channel, claim, entry) for entry in entries)

    async def release(
        self, channel: str, refs: Collection[Ref], claim: UUID, *, due_at: datetime
    ) -> None:
        """Give back those of `refs` that are ours and not begun, to be taken at once."""
        state = f"channels.{channel}"
        update = {
            "$set": {f"{state}.status": DeliveryStatus.QUEUED, f"{state}.due_at": due_at},
            "$unset": claim_of(state),
        }
        for some in portions(refs):
            await self._rows.update_many({**named(some), f"{state}.claim": claim}, update)

    async def requeue(self, channel: str, refs: Collection[Ref], *, until: datetime) -> int:
        """Let those of `refs` that wait be claimed, and be due again at `until`."""
        state = f"channels.{channel}"
        changed = 0
        update = {
            "$set": {f"{state}.status": DeliveryStatus.QUEUED, f"{state}.due_at": until},
            "$unset": {f"{state}.reason": ""},
        }
        for some in portions(refs):
            due = {
                **named(some),
                f"{state}.status": {"$in": WAITING},
                f"{state}.due_at": {"$lt": until},
            }
            changed += await self._rows.update_many(due, update)
        return changed

    async def put_off(self, channel: str, refs: Collection[Ref], *, until: datetime) -> None:
        """Look again at `until` at those of `refs` that are queued."""
        state = f"channels.{channel}"
        for some in portions(refs):
            await self._rows.update_many(
                {**named(some), f"{state}.status": DeliveryStatus.QUEUED},
                {"$set": {f"{state}.due_at": until}},
            )

    async def unread_counts(self, recipient_ids: Collection[UUID]) -> dict[UUID, int]:
        """Return how many rows each has not read.

        A query each, side by side: of many recipients in one the embedded store reads every row
        they have, as no index of several ranges serves it.
        """
        counts = await asyncio.gather(
            *(
                self._rows.count({"recipient_id": recipient_id, "unread": True})
                for recipient_id in recipient_ids
            )
        )
        return dict(zip(recipient_ids, counts, strict=True))


def claim_of(state: str) -> dict[str, str]:
    """Return what a claim has written, to be unset."""
    return {f"{state}.{name}": "" for name in ("claim", "owner", "epoch", "claimed_at")}


def _written(channel: str, claim: UUID, entry: Entry) -> UpdateOne:
    state = f"channels.{channel}"
    recipient_id, notification_id = entry.ref
    known: dict[str, Any] = {f"{state}.status": entry.stands.status}
    gone = claim_of(state)
    optional: dict[str, Any] = {
        "reason": entry.stands.reason,
        "due_at": entry.stands.due_at,
        "outcome": entry.stands.status if entry.stands.status in ENDED else None,
        "attention": entry.stands.wants_operator or None,
    }
    for name, value in optional.items():
        if value is None:
            gone[f"{state}.{name}"] = ""
        else:
            known[f"{state}.{name}"] = value
    if entry.stands.status is DeliveryStatus.SENT:
        known[f"{state}.sent_at"] = entry.at
    if entry.provider_message_id is not None:
        known[f"{state}.provider_message_id"] = entry.provider_message_id
    if entry.error is not None:
        known[f"{state}.last_error"] = entry.error
    for device_id, result in entry.devices.items():
        known[f"{state}.devices.{device_id}"] = result
    if entry.attempt is not None:
        known |= _ended(f"{state}.attempts.{entry.attempt}", entry)
    changes = {"$set": known, "$unset": gone}
    if entry.is_forgiven:
        changes["$inc"] = {f"{state}.forgiven": 1}
    return UpdateOne(
        {"_id": notification_id, "recipient_id": recipient_id, f"{state}.claim": claim}, changes
    )


def _ended(attempt: str, entry: Entry) -> dict[str, Any]:
    told = {
        "error": entry.error,
        "uncertain": entry.is_uncertain or None,
        # Feedback may come after a retry, and has to find whose it is.
        "provider_message_id": entry.provider_message_id,
    }
    known = {f"{attempt}.{name}": value for name, value in told.items() if value is not None}
    return {f"{attempt}.ended_at": entry.at, **known}


def _held(channel: str, document: Document) -> Held:
    state = document["channels"][channel]
    return Held(
        NotificationRow.from_document(document),
        len(state.get("attempts", ())),
        state.get("forgiven", 0),
        state.get("devices", {}),
    )
