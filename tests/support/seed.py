"""Put many users and follows into the store at once, as the repositories store them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pymongo

from rules.ids import follow_id
from rules.slots import slot_of
from storage.collection import portions
from storage.encryption import FieldCipher
from storage.newcomers import newcomer

AT_ONCE = 1_000


def seed_followers(mongodb_uri: str, database: str, business_id: UUID, count: int) -> list[UUID]:
    """Make `count` users who have followed `business_id` for a day; return their ids."""
    at = datetime.now(UTC) - timedelta(days=1)
    ids = [uuid4() for _ in range(count)]
    if not ids:
        return ids
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri, uuidRepresentation="standard") as client:
        stored = client[database]
        stored["users"].insert_many(
            {"_id": user_id, "following": [business_id], **newcomer(user_id, "customer")}
            for user_id in ids
        )
        stored["follows"].insert_many(
            {
                "_id": follow_id(business_id, user_id),
                "business_id": business_id,
                "user_id": user_id,
                "slot": slot_of(user_id),
                "user_type": "customer",
                "is_active": True,
                "first_followed_at": at,
                "followed_at": at,
                "gaps": [],
                "revision": 1,
            }
            for user_id in ids
        )
        stored["businesses"].update_one({"_id": business_id}, {"$inc": {"followers_count": count}})
    return ids


def seed_reachable(
    mongodb_uri: str, database: str, cipher: FieldCipher, count: int, user_type: str
) -> dict[UUID, str]:
    """Make `count` users of a type with an address, never quiet; return id -> address."""
    addresses = {user_id: f"{user_id}@example.org" for user_id in (uuid4() for _ in range(count))}
    rows = (
        {
            "_id": user_id,
            "name": "Thandi Nkosi",
            "email": cipher.encrypt(email, owner=user_id),
            "email_hash": cipher.lookup_hash(email),
            "preferences": {"quiet_hours": {"enabled": False}},
            **newcomer(user_id, user_type),
        }
        for user_id, email in addresses.items()
    )
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri, uuidRepresentation="standard") as client:
        for some in portions(rows, AT_ONCE):
            client[database]["users"].insert_many(some, ordered=False)
    return addresses
