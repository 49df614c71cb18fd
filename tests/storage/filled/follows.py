"""A business's followers and a user's follows; older ones, inactive ones, and others'."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING
from uuid import UUID

from rules.ids import follow_id
from tests.storage.filled.asked import BAKERY, DAIRY, FOLLOWER, KNOWN, LONG_AGO, OTHERS
from tests.storage.samples import NOON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.client import Document


def documents() -> Iterator[Document]:
    for known in KNOWN:
        for business, user in ((BAKERY, known), (known, FOLLOWER)):
            yield _follow(business, user, 7) | {
                "user_type": "ngo",
                "first_followed_at": NOON,
                "followed_at": NOON,
                "gaps": [],
                "revision": 1,
            }
        yield _follow(DAIRY, known, 7)
    for n in count(OTHERS):
        match n % 3:
            case 0:
                yield _follow(BAKERY, UUID(int=n), 8 + n % 4_000) | {
                    "user_type": "ngo",
                    "followed_at": LONG_AGO,
                }
            case 1:
                yield _follow(DAIRY, UUID(int=n), 7, is_active=False)
            case _:
                yield _follow(UUID(int=n), UUID(int=n), 7)


def _follow(business: UUID, user: UUID, slot: int, *, is_active: bool = True) -> Document:
    return {
        "_id": follow_id(business, user),
        "business_id": business,
        "user_id": user,
        "slot": slot,
        "is_active": is_active,
    }
