"""Idempotency keys: what a request was answered, so that its retry is answered the same.

    {_id: hash of sender and key, fingerprint, work_id, begun_at, attempt, owner, epoch, held_until,
     answer: {status, body} or None, purge_at}

One attempt at a time holds a key that has no answer yet. `work_id` stays the same from attempt to
attempt: what a dead one did is found under it and not done again. `fingerprint` and `answer.body`
are encrypted, since they tell of people. Errors: `KeyReused`, `KeyInUse`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from pymongo import UpdateOne

from rules.lease import Lease
from storage.collection import UPDATES_AT_ONCE, StoreCollection
from storage.encryption import DecryptionError
from storage.positions import EPOCH
from storage.together import Together

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.encryption import FieldCipher

KEPT = timedelta(hours=24)
"""Contract section 2.1. The store removes what has expired once a minute; readers do not wait."""

HELD_FOR = timedelta(seconds=20)
"""Longer than an attempt may take. One that does take longer does no harm: its work is the same."""


class KeyReused(Exception):
    """The key was given with another request before."""


class KeyInUse(Exception):
    """The first request with the key is still under way."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try that holds the key, whose work is to be done under `work_id`."""

    key_id: UUID
    token: UUID
    work_id: UUID
    begun_at: datetime
    """When the first try began: times are judged by it, so that retries are judged alike."""


@dataclass(frozen=True, slots=True)
class Held:
    """Another try holds the key; it is `lease`'s, and dead or given up by `until`."""

    key_id: UUID
    token: UUID
    lease: Lease
    until: datetime


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What the request was answered; `body` is JSON."""

    status: int
    body: str


class IdempotencyKeys:
    """The collection `idempotency_keys`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document], cipher: FieldCipher) -> None:
        self._keys = StoreCollection(database["idempotency_keys"])
        self._cipher = cipher
        # Each request needs one of both, beside what it is about.
        self._insert = Together(self._insert_all, most=UPDATES_AT_ONCE)
        self._update = Together(self._update_all, most=UPDATES_AT_ONCE)

    async def begin(
        self, key_id: UUID, fingerprint: str, lease: Lease, *, now: datetime
    ) -> Attempt | Held | KeptAnswer:
        """Hold a key that is new or has expired, or return how it stands.

        Raises KeyReused when it was given with another fingerprint.
        """
        fresh = self._fresh(key_id, fingerprint, lease, now)
        while True:
            if await self._insert({"_id": key_id, **fresh}):
                return _attempt(key_id, fresh)
            row = await self._keys.find_one({"_id": key_id})
            if row is None:
                continue
            if row["purge_at"] > now:
                return self._standing(row, fingerprint)
            expired = {"_id": key_id, "attempt": row["attempt"], "purge_at": {"$lte": now}}
            if await self._keys.update_one(expired, {"$set": fresh}):
                return _attempt(key_id, fresh)

    async def take_over(self, held: Held, lease: Lease, *, now: datetime) -> Attempt | None:
        """Hold what `held` held; None when another try was quicker, or it has ended meanwhile."""
        taken = {
            "attempt": uuid4(),
            "owner": lease.owner,
            "epoch": lease.epoch,
            "held_until": now + HELD_FOR,
        }
        unended = {"attempt": held.token, "answer": None, "purge_at": {"$gt": now}}
        if not await self._keys.update_one({"_id": held.key_id, **unended}, {"$set": taken}):
            return None
        row = await self._keys.find_one({"_id": held.key_id, "attempt": taken["attempt"]})
        return None if row is None else _attempt(held.key_id, row)

    async def keep(self, attempt: Attempt, answer: KeptAnswer) -> None:
        """Keep the answer for all retries; one that was taken over has nothing to say any more."""
        body = self._cipher.encrypt(answer.body, owner=attempt.key_id)
        await self._set(attempt, {"answer": {"status": answer.status, "body": body}})

    async def let_go(self, attempt: Attempt) -> None:
        """Have the next try go on with the work, since this one could not end it."""
        await self._set(attempt, {"held_until": EPOCH})

    async def forget(self, attempt: Attempt) -> None:
        """Make the key as good as new, since nothing was done."""
        await self._set(attempt, {"purge_at": EPOCH})

    async def _set(self, attempt: Attempt, fields: Document) -> None:
        """Set `fields` while the attempt holds the key."""
        held = {"_id": attempt.key_id, "attempt": attempt.token, "answer": None}
        await self._update(UpdateOne(held, {"$set": fields}))

    async def _insert_all(self, rows: Sequence[Document]) -> Sequence[bool]:
        """Return of each row whether it was new; of two with one key the first is."""
        known = set(await self._keys.insert_new(rows))
        return [place not in known for place in range(len(rows))]

    async def _update_all(self, updates: Sequence[UpdateOne]) -> Sequence[None]:
        await self._keys.bulk_update(updates)
        return [None] * len(updates)

    def _fresh(self, key_id: UUID, fingerprint: str, lease: Lease, now: datetime) -> Document:
        return {
            "fingerprint": self._cipher.encrypt(fingerprint, owner=key_id),
            "work_id": uuid4(),
            "begun_at": now,
            "attempt": uuid4(),
            "owner": lease.owner,
            "epoch": lease.epoch,
            "held_until": now + HELD_FOR,
            "answer": None,
            "purge_at": now + KEPT,
        }

    def _standing(self, row: Document, fingerprint: str) -> Held | KeptAnswer:
        key_id, answer = row["_id"], row["answer"]
        try:
            if self._cipher.decrypt(row["fingerprint"], owner=key_id) != fingerprint:
                raise KeyReused
            if answer is not None:
                body = self._cipher.decrypt(answer["body"], owner=key_id)
                return KeptAnswer(answer["status"], body)
        except DecryptionError:
            # Its encryption key is gone; to do the work again would be worse than to refuse.
            raise KeyReused from None
        lease = Lease(row["owner"], row["epoch"])
        return Held(key_id, row["attempt"], lease, row["held_until"])


def _attempt(key_id: UUID, row: Document) -> Attempt:
    return Attempt(key_id, row["attempt"], row["work_id"], row["begun_at"])
