"""Operators see every email, push and SMS, and have them tried again (contract section 2.6)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest

from server.service import Service
from tests.storage.samples import OURS, a_row
from tests.support.api import Answer, Api, token
from tests.support.world import World

DELIVERIES = "/api/ops/deliveries/"
LIST_FIELDS = {
    "id",
    "notification_id",
    "recipient_id",
    "notification_type",
    "channel",
    "status",
    "reason",
    "attempts",
    "due_at",
    "sent_at",
    "last_error",
    "provider_message_id",
}
ENDED = ("sent", "delivered", "bounced", "complained", "failed", "dead", "suppressed")
WAITING = ("queued", "deferred", "sending")


@pytest.fixture
def admin_id() -> UUID:
    return uuid4()


@pytest.fixture
def admin(admin_id: UUID) -> str:
    return token(admin_id, "admin")


class Outbox:
    """Rows as workers leave them."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._sequence = 0

    def state(self, status: str, **known: Any) -> dict[str, Any]:
        """Return the state of one channel."""
        # Far ahead: nobody is to look at it meanwhile.
        due_at = self._service.clock.store_now() + timedelta(days=1)
        ends = {} if status in ENDED else {"due_at": due_at}
        return {"status": status, **ends, **known}

    async def add(self, user_id: UUID, **channels: dict[str, Any]) -> UUID:
        """Store a row, later than all before, and return its id."""
        self._sequence += 1
        at = self._service.clock.store_now() + self._sequence * timedelta(milliseconds=1)
        row = a_row(user_id, created_at=at, channels=channels)
        await self._service.stores.notifications.insert([row])
        return row.id


@pytest.fixture
def outbox(service: Service) -> Outbox:
    return Outbox(service)


async def listed(api: Api, admin: str, **filters: Any) -> list[dict[str, Any]]:
    answer = await api.get(f"{DELIVERIES}?{urlencode({'page_size': 100, **filters})}", admin)
    assert answer.status == 200, answer.body
    results: list[dict[str, Any]] = answer.body["results"]
    assert answer.body["count"] == len(results)
    return results


async def ids(api: Api, admin: str, **filters: Any) -> list[str]:
    return [each["id"] for each in await listed(api, admin, **filters)]


async def retry(api: Api, admin: str, delivery: str) -> Answer:
    return await api.post(f"{DELIVERIES}{delivery}/retry/", admin)


async def test_each_channel_of_a_notification_is_a_delivery(
    api: Api, world: World, admin: str
) -> None:
    person = await world.person(email="jo@example.org", phone="+27825550111")
    sent = await world.send(person, channels=["in_app", "email", "push", "sms"])
    notification_id = sent.body["id"]
    # Beside the mail that welcomes them.
    found = [
        each
        for each in await listed(api, admin, user_id=person.id)
        if each["notification_id"] == notification_id
    ]
    assert {each["id"] for each in found} == {
        f"{notification_id}:{channel}" for channel in ("email", "push", "sms")
    }
    by_channel = {each["channel"]: each for each in found}
    push = by_channel["push"]
    assert (push["status"], push["reason"], push["due_at"]) == ("suppressed", "no_address", None)
    for each in found:
        assert set(each) == LIST_FIELDS
        assert each["recipient_id"] == str(person.id)
        assert each["notification_type"] == "interaction_confirmed"
    assert "example.org" not in repr(found)
    assert "5550111" not in repr(found)


async def test_a_delivery_shows_its_attempts(api: Api, admin: str, outbox: Outbox) -> None:
    user_id, at = uuid4(), a_row(uuid4()).created_at
    attempts = [
        {"at": at, "ended_at": at + timedelta(seconds=1), "error": "451", "uncertain": True},
        {"at": at + timedelta(minutes=1)},
    ]
    state = outbox.state("sending", attempts=attempts, last_error="451", claim=uuid4())
    await outbox.add(user_id, email=state)
    (found,) = await listed(api, admin, user_id=user_id)
    assert found["attempts"] == [
        {
            "at": "2026-11-22T12:00:00.000Z",
            "ended_at": "2026-11-22T12:00:01.000Z",
            "error": "451",
            "uncertain": True,
        },
        {"at": "2026-11-22T12:01:00.000Z", "ended_at": None, "error": None, "uncertain": False},
    ]
    assert found["last_error"] == "451"


@pytest.mark.parametrize("status", [*ENDED, *WAITING])
async def test_filters_agree_with_one_another(
    api: Api, admin: str, outbox: Outbox, status: str
) -> None:
    user_id = uuid4()
    other = "sent" if status != "sent" else "queued"
    first = await outbox.add(user_id, email=outbox.state(status), sms=outbox.state(other))
    second = await outbox.add(uuid4(), email=outbox.state(status), push=outbox.state(status))
    mine = [f"{first}:email"]
    assert await ids(api, admin, user_id=user_id, status=status) == mine
    assert await ids(api, admin, user_id=user_id, status=status, channel="email") == mine
    assert await ids(api, admin, user_id=user_id, status=status, channel="sms") == []
    everybodys = await ids(api, admin, status=status)
    # Of one notification in the order of the channels' names.
    assert everybodys[:3] == [f"{second}:email", f"{second}:push", *mine]
    assert (await ids(api, admin, status=status, channel="email"))[:2] == [
        f"{second}:email",
        *mine,
    ]
    assert (await ids(api, admin))[:4] == [
        f"{second}:email",
        f"{second}:push",
        *mine,
        f"{first}:sms",
    ]


async def test_pages_are_exact(api: Api, admin: str, outbox: Outbox) -> None:
    user_id = uuid4()
    rows = [
        await outbox.add(user_id, email=outbox.state("dead"), push=outbox.state("sent"))
        for _ in range(3)
    ]
    path, seen = f"{DELIVERIES}?user_id={user_id}&page_size=4", []
    while path:
        answer = await api.get(path, admin)
        assert answer.body["count"] == 6
        seen.append([each["id"] for each in answer.body["results"]])
        path = answer.body["next"]
    wanted = [f"{row}:{channel}" for row in reversed(rows) for channel in ("email", "push")]
    assert seen == [wanted[:4], wanted[4:]]
    past = await api.get(f"{DELIVERIES}?user_id={user_id}&page=5", admin)
    assert (past.status, past.body["count"], past.body["results"]) == (200, 6, [])


@pytest.mark.parametrize(
    "wrong", [{"status": "lost"}, {"channel": "in_app"}, {"user_id": "me"}, {"page_size": 101}]
)
async def test_a_filter_that_is_none_is_named(api: Api, admin: str, wrong: dict[str, Any]) -> None:
    answer = await api.get(f"{DELIVERIES}?{urlencode(wrong)}", admin)
    assert (answer.status, set(answer.error["details"])) == (400, set(wrong))


@pytest.mark.parametrize("status", ["failed", "dead", "bounced"])
async def test_what_did_not_arrive_is_tried_again_from_the_beginning(
    service: Service, api: Api, admin: str, admin_id: UUID, outbox: Outbox, status: str
) -> None:
    user_id, at = uuid4(), service.clock.store_now()
    attempts = [{"at": at, "ended_at": at, "error": "550"}] * 5
    state = outbox.state(
        status,
        reason="attempts_exhausted",
        attention=True,
        attempts=attempts,
        last_error="550",
        devices={"d": {"status": "failed"}},
    )
    row = await outbox.add(user_id, push=state)
    answer = await retry(api, admin, f"{row}:push")
    assert answer.status == 200
    assert set(answer.body) == LIST_FIELDS
    shown = ("status", "reason", "last_error")
    assert [answer.body[name] for name in shown] == ["queued", None, "550"]
    assert len(answer.body["attempts"]) == 5
    (held,) = await service.stores.deliveries.claim(
        "push",
        [(user_id, row)],
        OURS,
        claim=uuid4(),
        at=at,
        recheck_at=at + timedelta(minutes=1),
    )
    assert (held.attempts, held.forgiven, held.devices) == (5, 5, {})
    audit = (await api.get(f"/api/audit-log/?actor_id={admin_id}", admin)).body["results"]
    assert [(each["action"], each["target"], each["details"]) for each in audit] == [
        ("delivery.retry", f"{row}:push", {"status": status})
    ]


@pytest.mark.parametrize("status", sorted({*ENDED, *WAITING} - {"failed", "dead", "bounced"}))
async def test_nothing_else_is_tried_again(
    api: Api, admin: str, admin_id: UUID, outbox: Outbox, status: str
) -> None:
    row = await outbox.add(uuid4(), sms=outbox.state(status))
    answer = await retry(api, admin, f"{row}:sms")
    assert (answer.status, answer.error["code"]) == (409, "CONFLICT")
    assert answer.error["details"] == {"status": status}
    assert (await api.get(f"/api/audit-log/?actor_id={admin_id}", admin)).body["count"] == 0


async def test_what_is_not_there_is_not_found(api: Api, admin: str, outbox: Outbox) -> None:
    row = await outbox.add(uuid4(), email=outbox.state("dead"))
    for delivery in (f"{uuid4()}:email", f"{row}:sms", f"{row}:in_app", str(row)):
        answer = await retry(api, admin, delivery)
        assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND"), delivery


async def test_many_are_tried_again_by_filter(
    api: Api, admin: str, admin_id: UUID, outbox: Outbox
) -> None:
    user_id = uuid4()
    for status in ("dead", "dead", "failed", "sent", "suppressed", "queued"):
        await outbox.add(user_id, email=outbox.state(status), sms=outbox.state(status))

    async def retried(**asked: Any) -> tuple[int, bool]:
        answer = await api.post(f"{DELIVERIES}retry/", admin, {"user_id": str(user_id), **asked})
        assert answer.status == 200, answer.body
        return answer.body["retried_count"], answer.body["has_more"]

    assert await retried(status="dead", channel="email") == (2, False)
    assert await retried(status="dead", channel="email") == (0, False)
    assert await retried(channel="sms") == (3, False)
    assert await retried() == (1, False)
    assert len(await ids(api, admin, user_id=user_id, status="queued")) == 8
    row = (await api.get(f"/api/audit-log/?actor_id={admin_id}", admin)).body["results"][-1]
    assert (row["action"], row["details"]) == (
        "delivery.retry_all",
        {"user_id": str(user_id), "status": "dead", "channel": "email", "found": 2},
    )


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, {"status", "channel", "user_id"}),
        ({"status": "sent"}, {"status"}),
        ({"status": "suppressed", "channel": "email"}, {"status"}),
        ({"channel": "in_app"}, {"channel"}),
        ({"status": "dead", "limit": 5}, {"limit"}),
    ],
)
async def test_a_bulk_of_what_cannot_be_retried_is_refused(
    api: Api, admin: str, body: dict[str, Any], named: set[str]
) -> None:
    answer = await api.post(f"{DELIVERIES}retry/", admin, body)
    assert (answer.status, set(answer.error["details"])) == (400, named)
