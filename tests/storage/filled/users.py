"""Users who settle a follow, follow, opt out, have devices, lost their number; and others."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from tests.storage.filled.asked import (
    BAKERY,
    CIPHER,
    DEVICES,
    FOLLOWER,
    KNOWN,
    LOST_NUMBERS,
    LOST_USERS,
    OPTED_OUT_AT,
    OWNER,
    SETTLING_USERS,
    TOKENS,
    ids,
    others,
)
from tests.storage.samples import NOON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.client import Document


OPTED_OUT = ids(97_000_000)


def documents() -> Iterator[Document]:
    entry = {"token": UUID(int=1), "business_id": BAKERY, "at": NOON}
    for user_id in SETTLING_USERS:
        yield {"_id": user_id, "settling": [entry], "following_revision": 1}
    yield {"_id": FOLLOWER, "following": KNOWN}
    yield {"_id": OWNER, "devices": a_users_devices()}
    yield from users_of_lost_numbers()
    yield from users_who_opted_out()
    yield from known_users()
    for user_id in others():
        yield _user(user_id, "customer", "Africa/Johannesburg", 8 + user_id.int % 4_000)


def known_users() -> list[Document]:
    return [_user(user_id, "ngo", "Asia/Tokyo", 7) for user_id in KNOWN]


def _user(user_id: UUID, user_type: str, timezone: str, slot: int) -> Document:
    return {
        "_id": user_id,
        "name": "n",
        "user_type": user_type,
        "registered_by": user_id,
        "slot": slot,
        "in_force": {"timezone": timezone},
    }


def a_users_devices() -> list[Document]:
    return [
        {
            "id": device_id,
            "token": CIPHER.encrypt(token, owner=OWNER),
            "token_hash": CIPHER.lookup_hash(token),
            "hint": token[-2:],
            "platform": "web",
            "name": None,
            "is_active": True,
            "created_at": NOON,
            "last_used_at": NOON,
        }
        for device_id, token in zip(DEVICES, TOKENS, strict=True)
    ]


def users_who_opted_out() -> list[Document]:
    noted = {"at": OPTED_OUT_AT, "what": "push", "way": "switched_off"}
    return [{"_id": user_id, "opt_outs": [{"token": user_id, **noted}]} for user_id in OPTED_OUT]


def users_of_lost_numbers() -> list[Document]:
    return [
        {
            "_id": user_id,
            "phone_hash": CIPHER.lookup_hash(number),
            "unreachable": {"sms": {"suppression": CIPHER.lookup_hash(number)}},
        }
        for user_id, number in zip(LOST_USERS, LOST_NUMBERS, strict=True)
    ]
