"""Inboxes with a past, written straight to the store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from server.service import Service
from storage.notifications import NotificationRow
from tests.support.api import Api
from tests.support.world import Person

INBOX = "/api/notifications/"
NOON = datetime(2025, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

PORTION = 500
"""Rows that the store takes within one deadline, however busy the machine is."""


def a_row(recipient_id: UUID, **changes: Any) -> NotificationRow:
    """Return an unread `new_listing` of noon, but for `changes`."""
    created_at = changes.get("created_at", NOON)
    values: dict[str, Any] = {
        "id": uuid4(),
        "recipient_id": recipient_id,
        "event_id": uuid4(),
        "kind": "new_listing",
        "writer": "test:server#1",
        "created_at": created_at,
        "floor": created_at,
        "in_app": True,
        "title": "Bread at Corner Bakery",
        "message": "Corner Bakery just posted Bread for R20.",
        "channels": {"in_app": {"status": "delivered"}},
    }
    return NotificationRow(**(values | changes))


async def keep(service: Service, person: Person, *changes: dict[str, Any]) -> list[str]:
    """Store a row for each of `changes`, a minute apart, oldest first; return their ids."""
    rows = [
        a_row(person.id, **({"created_at": NOON + number * MINUTE} | changed))
        for number, changed in enumerate(changes)
    ]
    for start in range(0, len(rows), PORTION):
        await service.stores.notifications.insert(rows[start : start + PORTION])
    return [str(row.id) for row in rows]


async def keep_unread(service: Service, person: Person, count: int) -> list[str]:
    """Store `count` unread rows, oldest first; return their ids."""
    return await keep(service, person, *([{}] * count))


async def listed(api: Api, person: Person, query: str = "") -> list[str]:
    """Return the ids of the page that `query` asks for."""
    answer = await api.get(f"{INBOX}{query}", person.token)
    assert answer.status == 200, answer.body
    return [row["id"] for row in answer.body["results"]]
