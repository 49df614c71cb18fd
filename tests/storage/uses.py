"""Every way to use every repository, each with what undoes it and the indexes that serve it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rules.deliveries import DeliveryStatus, Settled
from rules.ids import follow_id
from rules.local_day import LocalDay
from rules.timezones import zone_of
from storage.audit_log import AuditEntry, AuditFilter, AuditLog
from storage.businesses import BusinessChange, BusinessesRepository
from storage.channel_switches import ChannelSwitches
from storage.charges import ChargesRepository
from storage.contacts import ContactsRepository
from storage.deliveries import DeliveriesRepository, Entry
from storage.delivery_records import DeliveryFilter, DeliveryRecord, DeliveryRecords
from storage.device_claims import DeviceClaims
from storage.devices import DevicesRepository
from storage.engagement import EngagementRepository
from storage.events import EventsRepository
from storage.follow_changes import FollowChange, FollowChanges
from storage.follows import FollowsRepository
from storage.idempotency_keys import Attempt, Held, IdempotencyKeys, KeptAnswer
from storage.interests import Interest, InterestsRepository
from storage.jobs import JobsRepository
from storage.listings import ListingChange, ListingsRepository
from storage.notification_history import NotificationHistory
from storage.notifications import InboxFilter, NotificationsRepository
from storage.pickups import PickupChange, PickupsRepository
from storage.processes import ProcessesRepository
from storage.reachability import Reachability
from storage.schedules import Schedule, SchedulesRepository
from storage.statuses import StatusesRepository
from storage.suppressions import SuppressionsRepository
from storage.users import ProfileChange, UsersRepository
from tests.storage.filled import (
    BAKER,
    BAKERY,
    CHANGED,
    CHANNELS,
    CIPHER,
    DAIRY,
    DEAD,
    DEAD_EVENTS,
    DEAD_ROWS,
    DEAD_USERS,
    DELETED_ROWS,
    DELETER,
    DEVICES,
    DUE_ROWS,
    DUE_USERS,
    ENDING,
    ENDING_EVENTS,
    FOLLOWER,
    KNOWN_THINGS,
    LATER,
    LOST_NUMBERS,
    LOST_USERS,
    MARKED_ROWS,
    MARKER,
    NOBODYS_EVENTS,
    OUR_EVENTS,
    OWNER,
    READ_ROWS,
    READER,
    RETURNED,
    SCHEDULES,
    SETTLER,
    SUPPRESSED,
    TOKENS,
    a_users_claims,
    a_users_devices,
    ids,
    lost_numbers,
    users_of_lost_numbers,
)
from tests.storage.samples import NOON, OURS, SECOND, THEIRS, a_row, an_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.stores import Stores

REFS = list(zip(DUE_USERS, DUE_ROWS, strict=True))
A_FOLLOW = FollowChange(
    token=uuid.UUID(int=1),
    user_id=SETTLER,
    user_type="ngo",
    business_id=BAKERY,
    at=NOON,
    is_following=True,
    revision=1,
)
NEW_ROWS = [a_row(SETTLER) for _ in range(RETURNED)]
A_KEY = uuid.uuid4()
A_PICKUP = PickupChange(interaction_id="770g", status="completed", occurred_at=NOON)
A_SCHEDULE = Schedule(
    id=uuid.uuid4(),
    sender=SETTLER,
    recipient_id=READER,
    kind="welcome",
    title="t",
    send_at=LATER + SECOND,
    created_at=NOON,
)
A_DAY = LocalDay.of(NOON + timedelta(days=5), zone_of("Africa/Johannesburg"))
CLAIM = uuid.UUID(int=7)
DEAD_RECORDS = [
    DeliveryRecord(
        notification_id=row_id,
        recipient_id=user_id,
        kind="new_listing",
        channel="email",
        state={"status": "dead"},
    )
    for row_id, user_id in zip(DEAD_ROWS, DEAD_USERS, strict=True)
]
AUDITED = AuditEntry(
    id=uuid.uuid4(),
    at=LATER + SECOND,
    actor=SETTLER,
    actor_type="admin",
    action="a",
    target="t",
    ip="::1",
    request_id="r",
)
NEW_EVENTS = [an_event() for _ in range(RETURNED)]


@dataclass(frozen=True, slots=True)
class Use:
    """One way to use a method; `run` returns what it got or changed, counted if that is many."""

    method: Callable[..., Any]
    run: Callable[[Stores, FollowChanges], Awaitable[Any]]
    indexes: tuple[str, ...] = ()
    """Those that serve it, beside the one on `_id`."""

    restore: Callable[[AsyncIOMotorDatabase[Document]], Awaitable[Any]] | None = None
    """Undo what `run` did, so that it can be run again."""

    def __str__(self) -> str:
        return self.method.__qualname__


def unread_again(
    rows: list[uuid.UUID],
) -> Callable[[AsyncIOMotorDatabase[Document]], Awaitable[Any]]:
    return lambda database: database["notifications"].update_many(
        {"_id": {"$in": rows}},
        {
            "$set": {"inbox": True, "unread": True, "is_read": False, "is_deleted": False},
            "$unset": {"changed_at": "", "clicked_at": "", "clicked_action": ""},
        },
    )


def due_again(database: AsyncIOMotorDatabase[Document]) -> Awaitable[Any]:
    return database["notifications"].update_many(
        {"_id": {"$in": DUE_ROWS}},
        {"$set": {"channels.email": {"status": "queued", "due_at": NOON + SECOND}}},
    )


def sending_again(database: AsyncIOMotorDatabase[Document]) -> Awaitable[Any]:
    held = {"status": "sending", "claim": CLAIM, "due_at": NOON}
    return database["notifications"].update_many(
        {"_id": {"$in": DUE_ROWS}}, {"$set": {"channels.email": held}}
    )


def held_again(
    keys: list[uuid.UUID], owner: str, epoch: int
) -> Callable[[AsyncIOMotorDatabase[Document]], Awaitable[Any]]:
    return lambda database: database["events"].update_many(
        {"_id": {"$in": keys}},
        {"$set": {"pending_owner": owner, "epoch": epoch, "retry_at": NOON, "lane": LANES[owner]}},
    )


LANES = {"": "fan_out", OURS.owner: "single", DEAD.owner: "single", ENDING.owner: "single"}
ENDING_AGAIN = held_again(ENDING_EVENTS, ENDING.owner, ENDING.epoch)


def gone_again(
    collection: str, rows: list[uuid.UUID]
) -> Callable[[AsyncIOMotorDatabase[Document]], Awaitable[Any]]:
    return lambda database: database[collection].delete_many({"_id": {"$in": rows}})


def follows_nothing(database: AsyncIOMotorDatabase[Document]) -> Awaitable[Any]:
    return database["users"].update_one(
        {"_id": SETTLER}, {"$unset": {"following": "", "settling": ""}}, upsert=True
    )


def follows_the_bakery(database: AsyncIOMotorDatabase[Document]) -> Awaitable[Any]:
    return database["users"].update_one(
        {"_id": SETTLER}, {"$set": {"following": [BAKERY]}, "$unset": {"settling": ""}}, upsert=True
    )


def page(**wanted: Any) -> Callable[[Stores, FollowChanges], Awaitable[Any]]:
    async def run(stores: Stores, _: FollowChanges) -> Any:
        found = await stores.notifications.page(READER, InboxFilter(**wanted), page=1, page_size=9)
        return found.count, len(found.rows)

    return run


async def devices_again(database: AsyncIOMotorDatabase[Document]) -> None:
    claims = a_users_claims()
    await database["device_tokens"].delete_many({"_id": {"$in": [row["_id"] for row in claims]}})
    await database["device_tokens"].insert_many(claims)
    await database["users"].update_many(
        {"_id": {"$in": [OWNER, SETTLER]}}, {"$set": {"devices": []}}
    )
    await database["users"].update_one({"_id": OWNER}, {"$set": {"devices": a_users_devices()}})


def register(user_id: uuid.UUID) -> Callable[[Stores, FollowChanges], Awaitable[Any]]:
    async def run(stores: Stores, _: FollowChanges) -> Any:
        described = {"platform": "ios"}
        __, is_new = await stores.devices.register(
            user_id, TOKENS[3], described, user_type="ngo", at=LATER
        )
        return ["refreshed", "added"][is_new]

    return run


async def counted(found: Awaitable[Any]) -> int:
    return len(await found)


async def counted_or_count(found: Awaitable[Any]) -> int:
    result = await found
    return result if isinstance(result, int) else len(result)


async def counted_in_parts(parts: AsyncIterator[list[Document]]) -> int:
    return sum([len(rows) async for rows in parts])


async def counted_change(change: Awaitable[Any]) -> bool:
    return (await change) is not None


async def with_process(stores: Stores, act: Callable[[Any], Awaitable[None]]) -> None:
    await act(await stores.processes.register("there", "server"))


async def with_attempt(
    stores: Stores, act: Callable[[IdempotencyKeys, Attempt], Awaitable[Any]]
) -> Any:
    keys = stores.idempotency_keys
    attempt = await keys.begin(A_KEY, "POST", OURS, now=LATER)
    assert isinstance(attempt, Attempt)
    return await act(keys, attempt)


async def taken_over(keys: IdempotencyKeys, attempt: Attempt) -> bool:
    held = Held(attempt.key_id, attempt.token, OURS, LATER)
    return await keys.take_over(held, THEIRS, now=LATER) is not None


async def scheduled_again(database: AsyncIOMotorDatabase[Document]) -> None:
    """Have the schedules wait for their time; their requests are made anew."""
    for n, key in enumerate(SCHEDULES):
        await database["schedules"].update_one(
            {"_id": key},
            {
                "$set": {
                    "status": "scheduled",
                    "due_at": NOON + n * SECOND,
                    "request": CIPHER.encrypt("{}", owner=key),
                }
            },
        )


async def claimed_again(database: AsyncIOMotorDatabase[Document]) -> None:
    await scheduled_again(database)
    await database["schedules"].update_many(
        {"_id": {"$in": SCHEDULES}}, {"$set": {"status": "sent"}}
    )


async def page_of_schedules(stores: Stores, _: FollowChanges) -> Any:
    found = await stores.schedules.page(OWNER, page=2, page_size=9)
    return found.count, len(found.schedules)


async def lost_again(database: AsyncIOMotorDatabase[Document]) -> None:
    ids = [row["_id"] for row in lost_numbers()]
    await database["suppressions"].delete_many({"_id": {"$in": ids}})
    await database["suppressions"].insert_many(lost_numbers())
    for user in users_of_lost_numbers():
        await database["users"].replace_one({"_id": user["_id"]}, user, upsert=True)


def dead_again(database: AsyncIOMotorDatabase[Document]) -> Awaitable[Any]:
    state = {"status": "dead", "outcome": "dead"}
    return database["notifications"].update_many(
        {"_id": {"$in": DEAD_ROWS}}, {"$set": {"channels.email": state}}
    )


async def looked_up(stores: Stores, method: Callable[..., Any], wanted: DeliveryFilter) -> Any:
    records = stores.delivery_records
    if method is DeliveryRecords.count:
        return await records.count(wanted)
    if method is DeliveryRecords.newest:
        return len(await records.newest(wanted, limit=9))
    page = await records.page(wanted, page=1, page_size=9)
    return page.count, len(page.records)


async def switched(stores: Stores, is_paused: bool) -> bool:
    found = await stores.channels.switch("email", is_paused=is_paused, by=OWNER, at=NOON)
    return found.is_paused is is_paused


async def page_of_audit_log(stores: Stores, wanted: AuditFilter) -> Any:
    found = await stores.audit_log.page(wanted, page=2, page_size=9)
    return found.count, len(found.entries)


N, U, B, F = NotificationsRepository, UsersRepository, BusinessesRepository, FollowsRepository
E, C, P = EventsRepository, FollowChanges, ProcessesRepository
D, T, K = DevicesRepository, DeviceClaims, IdempotencyKeys
V, J, X = DeliveriesRepository, ContactsRepository, SuppressionsRepository
G, S, H = EngagementRepository, SchedulesRepository, NotificationHistory
A, L, W, Q = StatusesRepository, ListingsRepository, InterestsRepository, PickupsRepository
DR, JB = DeliveryRecords, JobsRepository
R, Y, Z, M = ChargesRepository, Reachability, ChannelSwitches, AuditLog
RECENT = {"created_from": NOON, "created_before": LATER}

USES = [
    Use(
        N.insert,
        lambda s, _: counted(s.notifications.insert(NEW_ROWS)),
        restore=gone_again("notifications", [row.id for row in NEW_ROWS]),
    ),
    Use(N.insert, lambda s, _: counted(s.notifications.insert(NEW_ROWS))),
    Use(N.page, page(), ("inbox",)),
    Use(N.page, page(**RECENT), ("inbox",)),
    Use(N.page, page(is_read=False), ("unread",)),
    Use(N.page, page(kind="new_listing"), ("inbox",)),
    Use(N.page, page(is_read=True, kind="welcome", **RECENT), ("inbox",)),
    Use(N.page, page(is_read=False, **RECENT), ("unread",)),
    Use(
        N.unread_count,
        lambda s, _: s.notifications.unread_count(MARKER),
        ("unread",),
        unread_again(MARKED_ROWS),
    ),
    Use(
        N.unread_snapshot,
        lambda s, _: s.notifications.unread_snapshot(MARKER, recent_since=NOON + 9 * SECOND),
        ("unread", "position"),
    ),
    Use(
        R.on,
        lambda s, _: counted(s.charges.on(dict.fromkeys((MARKER, DELETER), A_DAY))),
        ("position",),
    ),
    Use(
        N.mark_read,
        lambda s, _: s.notifications.mark_read(MARKER, MARKED_ROWS, at=LATER),
        restore=unread_again(MARKED_ROWS),
    ),
    Use(
        N.mark_all_read,
        lambda s, _: s.notifications.mark_all_read(MARKER, at=LATER),
        ("unread",),
        unread_again(MARKED_ROWS),
    ),
    Use(
        N.click,
        lambda s, _: s.notifications.click(MARKER, MARKED_ROWS[3], action="view", at=LATER),
        restore=unread_again(MARKED_ROWS),
    ),
    Use(
        N.delete,
        lambda s, _: s.notifications.delete(DELETER, DELETED_ROWS[3], at=LATER),
        restore=unread_again(DELETED_ROWS),
    ),
    Use(N.find, lambda s, _: s.notifications.find(READER, READ_ROWS[3])),
    Use(
        N.after,
        lambda s, _: counted(
            s.notifications.after(READER, since=NOON, until=NOON + 9 * SECOND, limit=500)
        ),
        ("inbox",),
    ),
    Use(
        N.after,
        lambda s, _: counted(s.notifications.after(READER, since=None, until=LATER, limit=500)),
        ("inbox",),
    ),
    Use(
        N.changed,
        lambda s, _: counted(s.notifications.changed(CHANGED, since=NOON, before=LATER, limit=500)),
        ("changed",),
    ),
    Use(
        N.count_by_business,
        lambda s, _: s.notifications.count_by_business(READER, [BAKERY, DAIRY]),
        ("inbox_business",),
    ),
    *(
        Use(
            V.due,
            lambda s, _, channel=channel: counted(  # type: ignore[misc]
                s.deliveries.due(channel, before=LATER, limit=500)
            ),
            (f"due_{channel}",),
            due_again if channel == "email" else None,
        )
        for channel in CHANNELS
    ),
    Use(
        V.claim,
        lambda s, _: counted(
            s.deliveries.claim("email", REFS, OURS, claim=CLAIM, at=NOON, recheck_at=LATER)
        ),
        restore=due_again,
    ),
    Use(
        V.charge,
        lambda s, _: s.deliveries.charge("email", CLAIM, [(ref, "2026-11-26") for ref in REFS]),
        restore=sending_again,
    ),
    Use(
        V.begin,
        lambda s, _: counted(s.deliveries.begin("email", REFS, CLAIM, at=NOON)),
        restore=sending_again,
    ),
    Use(
        V.record,
        lambda s, _: s.deliveries.record(
            "email",
            CLAIM,
            [Entry(ref=ref, stands=Settled(DeliveryStatus.SENT), at=NOON) for ref in REFS],
        ),
        restore=sending_again,
    ),
    Use(
        V.release,
        lambda s, _: s.deliveries.release("email", REFS, CLAIM, due_at=LATER),
        restore=sending_again,
    ),
    Use(
        V.requeue,
        lambda s, _: s.deliveries.requeue("email", REFS, until=LATER),
        restore=due_again,
    ),
    Use(
        V.put_off,
        lambda s, _: s.deliveries.put_off(
            "email", REFS, status=DeliveryStatus.SENDING, until=LATER
        ),
        restore=sending_again,
    ),
    *(
        Use(
            method,
            lambda s, _, method=method, wanted=wanted: looked_up(s, method, wanted),  # type: ignore[misc]
            indexes,
            dead_again,
        )
        for method in (DR.page, DR.newest, DR.count)
        for wanted, indexes in (
            (DeliveryFilter(statuses=("dead",), channel="sms"), ("outcome_sms",)),
            (
                DeliveryFilter(statuses=("dead", "failed")),
                ("outcome_email", "outcome_push", "outcome_sms"),
            ),
            (DeliveryFilter(user_id=DEAD_USERS[3]), ("position",)),
            (
                DeliveryFilter(user_id=DEAD_USERS[3], statuses=("dead",), channel="push"),
                ("position",),
            ),
        )
    ),
    Use(DR.get, lambda s, _: counted_change(s.delivery_records.get(DEAD_ROWS[3], "push"))),
    Use(DR.find_row, lambda s, _: counted_change(s.delivery_records.find_row(DEAD_ROWS[3]))),
    Use(
        DR.retry,
        lambda s, _: s.delivery_records.retry(DEAD_RECORDS, at=LATER),
        restore=dead_again,
    ),
    Use(V.unread_counts, lambda s, _: s.deliveries.unread_counts([READER, MARKER]), ("unread",)),
    Use(J.find_many, lambda s, _: counted(s.contacts.find_many(ids(0), "email"))),
    Use(J.find_many, lambda s, _: counted(s.contacts.find_many(ids(0), "push"))),
    Use(
        X.add,
        lambda s, _: s.suppressions.add(SUPPRESSED, channel="email", reason="", at=NOON),
    ),
    Use(X.suppressed, lambda s, _: counted(s.suppressions.suppressed([SUPPRESSED, "c"]))),
    Use(X.remove, lambda s, _: s.suppressions.remove("c@d.example")),
    Use(
        Y.lose,
        lambda s, _: s.reachability.lose(
            "sms", LOST_NUMBERS[0], reason="", user_id=LOST_USERS[0], at=NOON
        ),
        restore=lost_again,
    ),
    Use(
        Y.lost,
        lambda s, _: counted(
            s.reachability.lost("sms", dict(zip(LOST_USERS, LOST_NUMBERS, strict=True)))
        ),
        restore=lost_again,
    ),
    Use(
        Y.regain,
        lambda s, _: s.reachability.regain("sms", LOST_NUMBERS[3]),
        ("unreachable_sms",),
        lost_again,
    ),
    Use(Z.all, lambda s, _: counted_or_count(s.channels.all())),
    *(
        Use(Z.switch, lambda s, _, is_paused=is_paused: switched(s, is_paused))  # type: ignore[misc]
        for is_paused in (True, False)
    ),
    Use(
        M.add, lambda s, _: s.audit_log.add(AUDITED), restore=gone_again("audit_log", [AUDITED.id])
    ),
    *(
        Use(
            M.page,
            lambda s, _, wanted=wanted: page_of_audit_log(s, wanted),  # type: ignore[misc]
            (index,),
            gone_again("audit_log", [AUDITED.id]),
        )
        for wanted, index in (
            (AuditFilter(actor=OWNER), "actor_at"),
            (AuditFilter(action="asked"), "action_at"),
            (AuditFilter(actor=OWNER, action="asked"), "actor_action_at"),
            (AuditFilter(since=NOON, until=LATER), "at"),
        )
    ),
    Use(M.exported, lambda s, _: counted_in_parts(s.audit_log.exported(OWNER)), ("actor_at",)),
    Use(U.apply, lambda s, _: s.users.apply([ProfileChange(ids(0)[0], {"name": "x"}, NOON)])),
    Use(U.find, lambda s, _: s.users.find(ids(0)[0])),
    Use(U.exported, lambda s, _: s.users.exported(FOLLOWER)),
    Use(U.get, lambda s, _: s.users.get(ids(0)[0])),
    Use(U.preferences, lambda s, _: s.users.preferences(ids(0)[0])),
    Use(
        U.change_preferences,
        lambda s, _: s.users.change_preferences(ids(0)[0], {"mute_all": True}, user_type="ngo"),
        restore=lambda database: database["users"].update_one(
            {"_id": ids(0)[0]}, {"$unset": {"preferences": ""}}
        ),
    ),
    Use(
        U.switch,
        lambda s, _: s.users.switch(ids(0)[0], "mute_all", is_on=True),
        restore=lambda database: database["users"].update_one(
            {"_id": ids(0)[0]}, {"$unset": {"preferences": ""}}
        ),
    ),
    Use(U.recipients, lambda s, _: counted(s.users.recipients(ids(0)))),
    Use(U.names, lambda s, _: counted(s.users.names(ids(0)))),
    Use(U.registered_by, lambda s, _: counted(s.users.registered_by(ids(0)))),
    Use(U.note_deleted, lambda s, _: s.users.note_deleted({SETTLER: NOON})),
    Use(
        L.apply,
        lambda s, _: s.listings.apply(
            [ListingChange(listing_id="770g", occurred_at=NOON)], at=NOON
        ),
    ),
    Use(L.find, lambda s, _: counted_change(s.listings.find(KNOWN_THINGS[0]))),
    Use(
        W.record,
        lambda s, _: s.interests.record([Interest(KNOWN_THINGS[0], FOLLOWER, NOON)], at=NOON),
    ),
    Use(W.find, lambda s, _: counted_change(s.interests.find(KNOWN_THINGS[0], READER))),
    Use(W.exported, lambda s, _: counted_in_parts(s.interests.exported(READER)), ("user",)),
    Use(
        Q.apply,
        lambda s, _: s.pickups.apply([A_PICKUP], at=NOON),
    ),
    Use(Q.find, lambda s, _: counted_change(s.pickups.find(KNOWN_THINGS[0]))),
    Use(Q.exported, lambda s, _: counted_in_parts(s.pickups.exported(READER)), ("user",)),
    Use(A.newest, lambda s, _: counted(s.statuses.newest(ids(0)))),
    Use(A.record, lambda s, _: s.statuses.record({ids(0)[0]: NOON}, at=NOON)),
    Use(U.following, lambda s, _: counted(s.users.following(FOLLOWER))),
    Use(B.apply, lambda s, _: s.businesses.apply([BusinessChange(BAKERY, {"name": "x"}, NOON)])),
    Use(B.find, lambda s, _: s.businesses.find(ids(0)[0])),
    Use(B.get, lambda s, _: s.businesses.get(ids(0)[0])),
    Use(B.known, lambda s, _: counted(s.businesses.known(ids(0)))),
    Use(B.find_owned, lambda s, _: s.businesses.find_owned(BAKER), ("owner",)),
    Use(
        B.exported,
        lambda s, _: counted_in_parts(s.businesses.exported(BAKER)),
        ("owner",),
    ),
    Use(B.find_many, lambda s, _: counted(s.businesses.find_many(ids(0)))),
    Use(B.count_follower, lambda s, _: s.businesses.count_follower(DAIRY, by=1)),
    Use(B.followers_count, lambda s, _: s.businesses.followers_count(BAKERY)),
    Use(
        B.correct_followers_count,
        lambda s, _: s.businesses.correct_followers_count(ids(0)[1], 1, revision=5),
        restore=lambda database: database["businesses"].update_one(
            {"_id": ids(0)[1]}, {"$set": {"followers_revision": 5}}
        ),
    ),
    Use(
        F.range,
        lambda s, _: counted(s.follows.range(BAKERY, slot_from=0, slot_to=8, limit=5_000)),
        ("business_active_slot",),
    ),
    *(
        Use(
            method,
            lambda s, _, name=method.__name__, wanted=wanted: counted_or_count(  # type: ignore[misc]
                getattr(s.follows, name)(BAKERY, since=NOON, before=LATER, **wanted)
            ),
            (index,),
        )
        for method in (F.followed, F.followed_count)
        for wanted, index in (
            ({}, "business_active_followed"),
            ({"user_type": "ngo"}, "business_active_user_type_followed"),
        )
    ),
    Use(F.count, lambda s, _: s.follows.count(DAIRY), ("business_active_followed",)),
    Use(F.find, lambda s, _: s.follows.find(BAKERY, ids(0)[3]), ("business_user",)),
    Use(
        F.exported,
        lambda s, _: counted_in_parts(s.follows.exported(FOLLOWER)),
        ("follower",),
    ),
    Use(F.find_many, lambda s, _: counted(s.follows.find_many(FOLLOWER, ids(0)))),
    Use(
        F.record,
        lambda s, _: s.follows.record(A_FOLLOW),
        restore=lambda database: database["follows"].delete_one(
            {"_id": follow_id(BAKERY, SETTLER)}
        ),
    ),
    Use(
        C.add,
        lambda _, changes: counted_change(changes.add(SETTLER, BAKERY, user_type="ngo", at=LATER)),
        restore=follows_nothing,
    ),
    Use(
        C.remove,
        lambda _, changes: counted_change(changes.remove(SETTLER, BAKERY, at=LATER)),
        restore=follows_the_bakery,
    ),
    Use(C.settled, lambda _, changes: changes.settled(A_FOLLOW)),
    Use(C.unsettled, lambda _, changes: counted(changes.unsettled(before=LATER)), ("settling_at",)),
    Use(
        C.settling_tokens,
        lambda _, changes: counted(changes.settling_tokens(BAKERY)),
        ("settling_business",),
        lambda database: database["users"].update_one(
            {"_id": SETTLER}, {"$unset": {"settling": ""}}
        ),
    ),
    Use(
        G.of,
        lambda s, _: s.engagement.of(BAKERY, [READER, MARKER], since=NOON, until=LATER),
        ("business_recipient",),
    ),
    Use(
        E.accept,
        lambda s, _: counted(s.events.accept(NEW_EVENTS, accepted_at=NOON)),
        restore=gone_again("events", [event.key for event in NEW_EVENTS]),
    ),
    Use(E.advance, lambda s, _: s.events.advance(OUR_EVENTS[0], OURS, 7)),
    Use(
        E.finish, lambda s, _: s.events.finish(ENDING_EVENTS[0], ENDING, at=NOON), (), ENDING_AGAIN
    ),
    Use(
        E.finish_all,
        lambda s, _: s.events.finish_all(ENDING_EVENTS, ENDING, at=NOON),
        (),
        ENDING_AGAIN,
    ),
    Use(
        E.fail,
        lambda s, _: s.events.fail(ENDING_EVENTS[0], ENDING, error="", at=NOON),
        (),
        ENDING_AGAIN,
    ),
    Use(
        E.postpone,
        lambda s, _: s.events.postpone(ENDING_EVENTS[0], ENDING, retry_at=LATER, error=""),
        (),
        ENDING_AGAIN,
    ),
    Use(E.release, lambda s, _: s.events.release(ENDING_EVENTS, ENDING), (), ENDING_AGAIN),
    Use(
        E.claim_unowned,
        lambda s, _: counted(
            s.events.claim_unowned(THEIRS, lanes=["fan_out"], limit=500, now=LATER)
        ),
        ("pending",),
        held_again(NOBODYS_EVENTS, "", 0),
    ),
    Use(
        E.claim_from,
        lambda s, _: counted(
            s.events.claim_from(DEAD.owner, below_epoch=9, lease=THEIRS, limit=500)
        ),
        ("pending",),
        held_again(DEAD_EVENTS, DEAD.owner, DEAD.epoch),
    ),
    Use(
        E.has_pending,
        lambda s, _: s.events.has_pending(DEAD.owner, below_epoch=9),
        ("pending",),
        held_again(DEAD_EVENTS, DEAD.owner, DEAD.epoch),
    ),
    Use(E.release_all, lambda s, _: s.events.release_all(ENDING), ("pending",), ENDING_AGAIN),
    Use(E.progress, lambda s, _: counted_change(s.events.progress(OUR_EVENTS[0]))),
    Use(E.ids, lambda s, _: counted(s.events.ids(OUR_EVENTS))),
    Use(E.held, lambda s, _: counted(s.events.held(OURS)), ("pending",)),
    Use(
        E.pending_count,
        lambda s, _: s.events.pending_count(),
        ("pending",),
        gone_again("events", [event.key for event in NEW_EVENTS]),
    ),
    Use(
        JB.begin, lambda s, _: counted_change(s.jobs.begin("job", at=LATER + SECOND, again_at=NOON))
    ),
    Use(
        JB.succeeded,
        lambda s, _: s.jobs.succeeded("job", "done", at=NOON, took=SECOND),
    ),
    Use(
        JB.failed,
        lambda s, _: s.jobs.failed("job", "KeyError", at=NOON, took=SECOND, again_at=NOON),
    ),
    Use(P.register, lambda s, _: counted_change(s.processes.register("here", "server"))),
    Use(P.beat, lambda s, _: with_process(s, s.processes.beat)),
    Use(P.remove, lambda s, _: with_process(s, s.processes.remove)),
    Use(P.is_running, lambda s, _: counted_change(s.processes.is_running(OURS))),
    Use(
        K.begin,
        lambda s, _: counted_change(s.idempotency_keys.begin(A_KEY, "POST", OURS, now=LATER)),
        restore=gone_again("idempotency_keys", [A_KEY]),
    ),
    Use(
        K.begin,
        lambda s, _: counted_change(s.idempotency_keys.begin(A_KEY, "POST", OURS, now=LATER)),
    ),
    *(
        Use(
            method,
            lambda s, _, act=act: with_attempt(s, act),  # type: ignore[misc]
            restore=gone_again("idempotency_keys", [A_KEY]),
        )
        for method, act in (
            (K.take_over, taken_over),
            (K.keep, lambda keys, attempt: keys.keep(attempt, KeptAnswer(201, "{}"))),
            (K.let_go, lambda keys, attempt: keys.let_go(attempt)),
            (K.forget, lambda keys, attempt: keys.forget(attempt)),
        )
    ),
    Use(D.register, register(OWNER), restore=devices_again),
    Use(D.register, register(SETTLER), restore=devices_again),
    Use(D.deactivate, lambda s, _: s.devices.deactivate(OWNER, DEVICES[0]), restore=devices_again),
    Use(D.owned, lambda s, _: counted(s.devices.owned(OWNER)), restore=devices_again),
    Use(D.remove, lambda s, _: s.devices.remove(OWNER, DEVICES[3]), restore=devices_again),
    Use(
        T.claim,
        lambda s, _: counted_change(s.devices.claims.claim(SETTLER, TOKENS[3])),
        restore=devices_again,
    ),
    Use(
        T.claimed,
        lambda s, _: counted(s.devices.claims.claimed(CIPHER.lookup_hash(t) for t in TOKENS)),
        restore=devices_again,
    ),
    Use(
        T.release,
        lambda s, _: s.devices.claims.release(CIPHER.lookup_hash(TOKENS[3]), DEVICES[3]),
        restore=devices_again,
    ),
    Use(
        S.add,
        lambda s, _: s.schedules.add(A_SCHEDULE, {}),
        restore=gone_again("schedules", [A_SCHEDULE.id]),
    ),
    Use(S.page, page_of_schedules, ("sender",), gone_again("schedules", [A_SCHEDULE.id])),
    Use(
        S.exported,
        lambda s, _: counted_in_parts(s.schedules.exported(sender=OWNER)),
        ("sender",),
        scheduled_again,
    ),
    Use(
        S.exported,
        lambda s, _: counted_in_parts(s.schedules.exported(recipient_id=uuid.UUID(int=9))),
        ("recipient",),
        scheduled_again,
    ),
    Use(
        H.of,
        lambda s, _: counted_in_parts(s.history.of(DUE_USERS[3], until=LATER)),
        ("position",),
    ),
    Use(S.cancel, lambda s, _: s.schedules.cancel(SCHEDULES[3], OWNER), restore=scheduled_again),
    Use(
        S.due,
        lambda s, _: counted(s.schedules.due(by=LATER, limit=500)),
        ("due",),
        scheduled_again,
    ),
    Use(
        S.claim,
        lambda s, _: counted(s.schedules.claim(SCHEDULES, by=LATER, now=LATER)),
        restore=scheduled_again,
    ),
    Use(S.sent, lambda s, _: s.schedules.sent(SCHEDULES), restore=claimed_again),
    Use(S.fail, lambda s, _: s.schedules.fail(SCHEDULES, reason=""), restore=claimed_again),
]
