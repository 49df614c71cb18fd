"""Write users and follows into the store, without the API: for thousands of them.

The embedded store looks through the whole collection in each `findAndModify` that finds something,
so a follow through the API costs it 100 ms at 3,000 users. Left out here are the users' own lists
of whom they follow, which a fan-out does not read. Rows that no longer have the shape which
storage/users.py and storage/follows.py read show as sockets without their frame.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pymongo

from bench.population import Person
from config.settings import Settings
from rules.ids import follow_id
from rules.slots import slot_of
from server.auth import UserType
from server.tokens import mint
from storage.encryption import FieldCipher

ROWS_AT_ONCE = 1_000


def register_directly(settings: Settings, count: int) -> list[Person]:
    """Register customers with an email address, who are not welcomed."""
    cipher = FieldCipher(settings.encryption_keys)
    ids = [uuid4() for _ in range(count)]
    uri = str(settings.mongodb_uri)
    with pymongo.MongoClient[dict[str, Any]](uri, uuidRepresentation="standard") as client:
        users = client[settings.mongodb_database]["users"]
        for first in range(0, count, ROWS_AT_ONCE):
            rows = [_user(cipher, user_id) for user_id in ids[first:][:ROWS_AT_ONCE]]
            users.insert_many(rows, ordered=False)
    return [Person(user_id, mint(settings, user_id, UserType.CUSTOMER)) for user_id in ids]


def follow_directly(settings: Settings, people: Sequence[Person], business_id: UUID) -> float:
    """Have all `people`, who follow nothing yet, follow the business; return the seconds taken."""
    began_s = time.monotonic()
    at = datetime.now(UTC)
    uri = str(settings.mongodb_uri)
    with pymongo.MongoClient[dict[str, Any]](uri, uuidRepresentation="standard") as client:
        database = client[settings.mongodb_database]
        for first in range(0, len(people), ROWS_AT_ONCE):
            rows = [_row(person, business_id, at) for person in people[first:][:ROWS_AT_ONCE]]
            database["follows"].insert_many(rows, ordered=False)
        database["businesses"].update_one(
            {"_id": business_id},
            {"$set": {"followers_count": len(people), "followers_revision": 1}},
        )
    return time.monotonic() - began_s


def _user(cipher: FieldCipher, user_id: UUID) -> dict[str, Any]:
    email = f"{user_id}@example.org"
    return {
        "_id": user_id,
        "name": "Thandi Nkosi",
        "user_type": "customer",
        "email": cipher.encrypt(email, owner=user_id),
        "email_hash": cipher.lookup_hash(email),
    }


def _row(person: Person, business_id: UUID, at: datetime) -> dict[str, Any]:
    return {
        "_id": follow_id(business_id, person.id),
        "business_id": business_id,
        "user_id": person.id,
        "slot": slot_of(person.id),
        "user_type": "customer",
        "is_active": True,
        "first_followed_at": at,
        "followed_at": at,
        "gaps": [],
        "revision": 1,
    }
