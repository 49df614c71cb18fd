"""Databases of any size in which the same queries return the same rows.

The rest are rows that a query must not read: of others, and of the same users and businesses but
out of range, in another state, or finished.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import chain, count, islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pymongo import IndexModel

from rules.ids import follow_id, interest_id
from rules.lease import Lease
from storage.encryption import FieldCipher
from storage.indexes import INDEXES
from tests.storage.samples import KEY, NOON, OURS, SECOND, a_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pymongo.database import Database

    from storage.client import Document

BATCH = 5_000
OTHERS = 1_000_000
"""From here on the ids of those that no query asks for."""

RETURNED = 20
"""Rows that a query returns, at any size."""

SHARE = 25
"""One in so many rows belongs to the asked user or business, without being asked for."""

READER, MARKER, DELETER, CHANGED, FOLLOWER, SETTLER, BAKER = (UUID(int=100 + n) for n in range(7))
BAKERY, DAIRY = UUID(int=200), UUID(int=201)
OWNER = UUID(int=110)
TOKENS = [f"token-{n}" for n in range(RETURNED)]
LATER = NOON + timedelta(hours=1)
LONG_AGO = NOON - timedelta(days=30)
DEAD, ENDING = Lease("gone:8000", 2), Lease("ending:8000", 1)
CHANNELS = ("email", "push", "sms")


def ids(first: int, number: int = RETURNED) -> list[UUID]:
    return [UUID(int=first + n) for n in range(number)]


READ_ROWS, MARKED_ROWS, DELETED_ROWS, DUE_ROWS = (ids(n * 10_000_000) for n in range(1, 5))
NOBODYS_EVENTS, OUR_EVENTS, DEAD_EVENTS, ENDING_EVENTS = (ids(n * 10_000_000) for n in range(5, 9))
DUE_USERS, SETTLING_USERS = ids(90_000_000), ids(91_000_000)
DEVICES = ids(92_000_000)
SCHEDULES = ids(93_000_000)
KNOWN_THINGS = [f"known-{n}" for n in range(RETURNED)]
CIPHER = FieldCipher([KEY])
SUPPRESSED = "gone@example.org"
LOST_NUMBERS = [f"+2782555{n:04}" for n in range(RETURNED)]
LOST_USERS = ids(94_000_000)
DEAD_ROWS, DEAD_USERS = ids(95_000_000), ids(96_000_000)


def fill(database: Database[Document], rows: int) -> None:
    """Fill `database` with `rows` each of notifications, follows and events, and index it."""
    for name, documents in (
        ("notifications", _notifications()),
        ("follows", _follows()),
        ("events", _events()),
        ("users", _users()),
        ("device_tokens", _device_tokens()),
        ("businesses", _businesses()),
        ("idempotency_keys", _idempotency_keys()),
        ("schedules", _schedules()),
        ("statuses", _statuses()),
        ("listings", _listings()),
        ("interests", _interests()),
        ("pickups", _pickups()),
        ("suppressions", _suppressions()),
        ("audit_log", _audit_log()),
    ):
        wanted = rows if name in ("notifications", "follows", "events") else rows // 10
        for batch in _batches(islice(documents, wanted)):
            database[name].insert_many(batch, ordered=False)
        # Afterwards: building an index is a third of the work of keeping it up to date.
        models = [
            IndexModel([(key, 1) for key in index.keys], name=index.name, **index.options)
            for index in INDEXES
            if index.collection == name
        ]
        if models:
            database[name].create_indexes(models)


def _suppressions() -> Iterator[Document]:
    yield {"_id": CIPHER.lookup_hash(SUPPRESSED), "channel": "email", "since": LONG_AGO}
    for n in count():
        yield {"_id": CIPHER.lookup_hash(f"{n}@example.org"), "channel": "email"}


def lost_numbers() -> list[Document]:
    return [{"_id": CIPHER.lookup_hash(number), "channel": "sms"} for number in LOST_NUMBERS]


def users_of_lost_numbers() -> list[Document]:
    return [
        {
            "_id": user_id,
            "phone_hash": CIPHER.lookup_hash(number),
            "unreachable": {"sms": {"suppression": CIPHER.lookup_hash(number)}},
        }
        for user_id, number in zip(LOST_USERS, LOST_NUMBERS, strict=True)
    ]


def _audit_log() -> Iterator[Document]:
    for n in count():
        is_asked = n < RETURNED
        by = OWNER if is_asked else UUID(int=OTHERS + n)
        yield {
            "_id": UUID(int=n),
            "at": (NOON if is_asked else LONG_AGO) + n % SHARE * SECOND,
            "actor": by,
            "actor_type": "admin",
            "action": "asked" if is_asked else "other",
            "target": "t",
            "ip": "::1",
            "request_id": "r",
            "details": {},
        }


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    rest = iter(documents)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _notification(row_id: UUID, user: UUID, at: Any, **changes: Any) -> Document:
    slim = {
        "event_id": UUID(int=0),
        "title": "t",
        "message": "m",
        "data": {},
        "action_buttons": [],
        "channels": {},
    }
    return a_row(user, id=row_id, created_at=at, **(slim | changes)).to_document()


def _due(at: Any) -> dict[str, Any]:
    return {channel: {"status": "queued", "due_at": at} for channel in CHANNELS}


def _notifications() -> Iterator[Document]:
    numbers = count(100_000_000)
    for n in range(RETURNED):
        at = NOON + n * SECOND
        yield _notification(READ_ROWS[n], READER, at, business_id=BAKERY)
        yield _notification(MARKED_ROWS[n], MARKER, at)
        yield _notification(DELETED_ROWS[n], DELETER, at)
        yield _notification(UUID(int=next(numbers)), CHANGED, at, is_read=True) | {"changed_at": at}
        yield _notification(DUE_ROWS[n], DUE_USERS[n], at, in_app=False, channels=_due(at))
        dead = {channel: {"status": "dead", "outcome": "dead"} for channel in CHANNELS}
        yield _notification(DEAD_ROWS[n], DEAD_USERS[n], at, in_app=False, channels=dead)
    for n in count():
        at, row_id = LONG_AGO + n * SECOND, UUID(int=next(numbers))
        match n % SHARE:
            case 0:
                yield _notification(row_id, READER, at, is_deleted=True)
            case 1:
                yield _notification(row_id, MARKER, at, is_read=True)
            case 2:
                yield _notification(row_id, CHANGED, at, is_read=True) | {"changed_at": at}
            case 3:
                due = _due(LATER + n * SECOND)
                yield _notification(row_id, UUID(int=OTHERS + n), at, in_app=False, channels=due)
            case 4:
                sent = {"email": {"status": "sent", "outcome": "sent"}}
                yield _notification(row_id, UUID(int=OTHERS + n), at, channels=sent)
            case _:
                # Of the fewest bytes: all that matters of them is that they are there.
                yield {"_id": row_id, "recipient_id": UUID(int=OTHERS + n), "created_at": at}


def _follow(business: UUID, user: UUID, slot: int, *, is_active: bool = True) -> Document:
    return {
        "_id": follow_id(business, user),
        "business_id": business,
        "user_id": user,
        "slot": slot,
        "is_active": is_active,
    }


def _follows() -> Iterator[Document]:
    for n in range(RETURNED):
        for business, user in ((BAKERY, UUID(int=n)), (UUID(int=n), FOLLOWER)):
            yield _follow(business, user, 7) | {
                "user_type": "ngo",
                "first_followed_at": NOON,
                "followed_at": NOON,
                "gaps": [],
                "revision": 1,
            }
        yield _follow(DAIRY, UUID(int=n), 7)
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


def a_users_claims() -> list[Document]:
    return [
        {"_id": CIPHER.lookup_hash(token), "user_id": OWNER, "device_id": device_id}
        for device_id, token in zip(DEVICES, TOKENS, strict=True)
    ]


def _device_tokens() -> Iterator[Document]:
    yield from a_users_claims()
    for n in count(OTHERS):
        yield {
            "_id": n.to_bytes(32, "big"),
            "user_id": UUID(int=n),
            "device_id": UUID(int=n),
        }


def _events() -> Iterator[Document]:
    for keys, owner, lane in (
        (NOBODYS_EVENTS, Lease("", 0), "fan_out"),
        (OUR_EVENTS, OURS, "single"),
        (DEAD_EVENTS, DEAD, "single"),
        (ENDING_EVENTS, ENDING, "single"),
    ):
        for key in keys:
            yield {
                "_id": key,
                "sender": UUID(int=9),
                "event_id": str(key),
                "type": "listing.created",
                "occurred_at": NOON,
                "accepted_at": NOON,
                "data": CIPHER.encrypt("{}", owner=key),
                "lane": lane,
                "pending_owner": owner.owner,
                "epoch": owner.epoch,
                "cursor": None,
                "attempts": 0,
                "takeovers": 0,
                "retry_at": NOON,
                "state": "pending",
                "purge_at": LATER + timedelta(days=180),
            }
    for n in count(OTHERS):
        # Nearly all that there is has been done long ago.
        yield {
            "_id": UUID(int=n),
            "type": "listing.created",
            "data": None,
            "lane": "fan_out",
            "state": "done",
            "purge_at": LATER + timedelta(days=180),
        }


def _businesses() -> Iterator[Document]:
    yield {"_id": UUID(int=OTHERS - 1), "name": "b", "owner_id": BAKER}
    for n in count():
        yield {"_id": UUID(int=n), "name": "b", "owner_id": UUID(int=OTHERS + n)}


def _users() -> Iterator[Document]:
    entry = {"token": UUID(int=1), "business_id": BAKERY, "at": NOON}
    for user_id in SETTLING_USERS:
        yield {"_id": user_id, "settling": [entry], "following_revision": 1}
    yield {"_id": FOLLOWER, "following": ids(0)}
    yield {"_id": OWNER, "devices": a_users_devices()}
    yield from users_of_lost_numbers()
    for n in chain(range(RETURNED), count(OTHERS)):
        yield {
            "_id": UUID(int=n),
            "name": "n",
            "user_type": "customer",
            "registered_by": UUID(int=n),
        }


def _statuses() -> Iterator[Document]:
    for n in chain(range(RETURNED), count(OTHERS)):
        yield {
            "_id": UUID(int=n),
            "occurred_at": NOON,
            "purge_at": LATER + timedelta(days=180),
        }


def _listings() -> Iterator[Document]:
    others = (str(n) for n in count(OTHERS))
    for listing_id in chain(KNOWN_THINGS, others):
        yield {"_id": listing_id, "is_removed": True, "purge_at": LATER + timedelta(days=180)}


def _of_users() -> Iterator[tuple[str, UUID]]:
    """Yield things with a user each: the reader for those that are asked for."""
    for thing in KNOWN_THINGS:
        yield thing, READER
    for n in count(OTHERS):
        yield str(n), UUID(int=n)


def _interests() -> Iterator[Document]:
    for listing_id, user_id in _of_users():
        yield {
            "_id": interest_id(listing_id, user_id),
            "listing_id": listing_id,
            "user_id": user_id,
            "occurred_at": NOON,
            "purge_at": LATER + timedelta(days=180),
        }


def _pickups() -> Iterator[Document]:
    for interaction_id, user_id in _of_users():
        yield {
            "_id": interaction_id,
            "user_id": user_id,
            "business_id": BAKERY,
            "status": "scheduled",
            "purge_at": LATER + timedelta(days=180),
        }


def _idempotency_keys() -> Iterator[Document]:
    for n in count(OTHERS):
        yield {"_id": UUID(int=n), "purge_at": LATER + timedelta(days=180)}


def _schedules() -> Iterator[Document]:
    request = {key: CIPHER.encrypt("{}", owner=key) for key in SCHEDULES}
    for n, key in enumerate(SCHEDULES):
        at = NOON + n * SECOND
        yield {
            "_id": key,
            "sender": OWNER,
            "recipient_id": UUID(int=9),
            "kind": "welcome",
            "title": "t",
            "send_at": at,
            "created_at": at,
            "status": "scheduled",
            "due_at": at,
            "request": request[key],
            "purge_at": LATER + timedelta(days=180),
        }
    for n in count(OTHERS):
        # Others' schedules: waiting for their time, and done with.
        state: Document = {"status": "sent"} if n % 2 else {"status": "scheduled"}
        if n % 2 == 0:
            state["due_at"] = LATER + n * SECOND
        yield {
            "_id": UUID(int=n),
            "sender": UUID(int=n),
            "created_at": LONG_AGO,
            **state,
            "purge_at": LATER + timedelta(days=180),
        }
