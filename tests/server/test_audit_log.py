"""What operators did is on record, newest first, and never changes (contract section 2.6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest

from server.service import Service
from storage.audit_log import AuditEntry
from tests.support.api import Api, token

AUDIT_LOG = "/api/audit-log/"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def admin_id() -> UUID:
    return uuid4()


@pytest.fixture
def admin(admin_id: UUID) -> str:
    return token(admin_id, "admin")


async def rows(api: Api, bearer: str, **filters: Any) -> list[dict[str, Any]]:
    answer = await api.get(f"{AUDIT_LOG}?{urlencode(filters)}", bearer)
    assert answer.status == 200, answer.body
    assert answer.body["count"] == len(answer.body["results"])
    results: list[dict[str, Any]] = answer.body["results"]
    return results


async def note(service: Service, actor: UUID, at: datetime, action: str = "tea.made") -> UUID:
    entry = AuditEntry(
        id=uuid4(),
        at=at,
        actor=actor,
        actor_type="admin",
        action=action,
        target="tea",
        ip="127.0.0.1",
        request_id="r",
    )
    await service.stores.audit_log.add(entry)
    return entry.id


async def test_a_row_says_who_did_what_to_what_from_where(
    api: Api, admin_id: UUID, admin: str
) -> None:
    before = datetime.now(UTC)
    done = await api.post("/api/ops/channels/sms/pause/", admin, headers={"X-Request-ID": "r-17"})
    assert done.status == 200
    (row,) = await rows(api, admin, actor_id=admin_id)
    at = datetime.fromisoformat(row["at"])
    assert abs(at - before) < timedelta(seconds=10)
    assert str(UUID(row["id"])) == row["id"]
    assert row == {
        "id": row["id"],
        "at": row["at"],
        "actor": {"id": str(admin_id), "user_type": "admin"},
        "action": "channel.pause",
        "target": "sms",
        "ip": "127.0.0.1",
        "request_id": "r-17",
        "details": {},
    }


async def test_what_was_refused_is_not_on_record(api: Api, admin: str) -> None:
    stranger = uuid4()
    answer = await api.post("/api/ops/channels/sms/pause/", token(stranger, "provider"))
    assert answer.status == 403
    assert await rows(api, admin, actor_id=stranger) == []


async def test_filters(service: Service, api: Api, admin: str) -> None:
    one, two = uuid4(), uuid4()
    ids = [
        await note(service, one, NOON),
        await note(service, two, NOON + HOUR),
        await note(service, one, NOON + 12 * HOUR, "tea.drunk"),
    ]

    async def found(**filters: Any) -> list[int]:
        named = [UUID(row["id"]) for row in await rows(api, admin, **filters)]
        return [ids.index(each) for each in named]

    assert await found(actor_id=one) == [2, 0]
    assert await found(action="tea.made") == [1, 0]
    assert await found(action="tea.drunk", actor_id=one) == [2]
    assert await found(action="tea.drunk", actor_id=two) == []
    between = {"from": "2026-11-22T12:00:00Z", "to": "2026-11-22T15:00:00+02:00"}
    assert await found(**between) == [1, 0]
    assert await found(actor_id=one, **between) == [0]
    assert await found(**{"from": "2026-11-22", "to": "2026-11-22"}) == [1, 0]
    assert await found(**{"from": "2026-11-23", "to": "2026-11-23"}) == [2]
    assert await found(**{"from": "2026-11-23", "to": "2026-11-22"}) == []


async def test_pages_are_exact_and_keep_the_filters(service: Service, api: Api, admin: str) -> None:
    actor = uuid4()
    # Of the same moment: the higher id first.
    ids = sorted([await note(service, actor, NOON) for _ in range(5)], reverse=True)
    path, seen = f"{AUDIT_LOG}?actor_id={actor}&page_size=2", []
    while path:
        answer = await api.get(path, admin)
        assert answer.body["count"] == 5
        seen += [UUID(row["id"]) for row in answer.body["results"]]
        path = answer.body["next"]
    assert [UUID(int=each.int) for each in seen] == ids
    past = await api.get(f"{AUDIT_LOG}?actor_id={actor}&page=9", admin)
    assert (past.status, past.body["count"], past.body["results"]) == (200, 5, [])


@pytest.mark.parametrize(
    "wrong",
    [
        {"actor_id": "me"},
        {"action": ""},
        {"action": "a" * 65},
        {"from": "yesterday"},
        {"to": "2026-02-30"},
        {"to": "2026-11-22T12:00:00"},
        {"page": 0},
    ],
)
async def test_a_filter_that_is_none_is_named(api: Api, admin: str, wrong: dict[str, Any]) -> None:
    answer = await api.get(f"{AUDIT_LOG}?{urlencode(wrong)}", admin)
    assert (answer.status, set(answer.error["details"])) == (400, set(wrong))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_nobody_changes_what_is_on_record(api: Api, admin: str, method: str) -> None:
    assert (await api.request(method, AUDIT_LOG, admin, body={})).status == 405


async def test_an_export_has_what_its_admin_did(api: Api, admin_id: UUID, admin: str) -> None:
    await api.post("/api/ops/channels/push/resume/", admin)
    exported = (await api.get("/api/privacy/export/", admin)).body
    assert [row["action"] for row in exported["audit_log"]] == ["channel.resume"]
