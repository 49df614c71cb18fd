"""A list shows each row as the record that it has everywhere else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import orjson

from actors.frames import to_json
from server.listed_notifications import ListedNotifications
from server.service import Service
from server.views import notification_record
from storage.businesses import BusinessChange
from storage.notifications import InboxFilter, NotificationRow
from tests.storage.samples import NOON, SECOND, a_business, a_row

ALL = InboxFilter()


async def shown(service: Service, owner: UUID) -> list[dict[str, Any]]:
    rows = await service.stores.notifications.page(owner, ALL, page=1, page_size=50)
    return as_read(await ListedNotifications(rows).named(service.names))


async def recorded(service: Service, rows: list[NotificationRow]) -> list[dict[str, Any]]:
    names = await service.names.of(rows)
    return as_read([notification_record(row.to_document(), names) for row in rows])


def as_read(records: object) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = orjson.loads(to_json(records))
    return read


async def test_rows_of_all_kinds_are_shown_as_their_records(service: Service) -> None:
    owner, bakery_owner = uuid4(), uuid4()
    bakery = await a_business(service.stores, owner_id=str(bakery_owner))
    kinds: tuple[dict[str, Any], ...] = (
        {},
        {"business_id": bakery, "sender_id": bakery_owner},
        {"business_id": bakery, "sender_id": uuid4(), "sender_type": "service"},
        {"business_id": None, "sender_id": uuid4(), "sender_type": "admin"},
        {"is_read": True, "read_at": NOON},
        {"message": 'He said "hi" \\ <b>', "image_url": "https://images.test/1.png"},
        {"data": {}, "action_buttons": []},
        {"data": {"confirmation_code": "ABC123", "n": [1, None, {"a": 2.5}]}},
    )
    rows = [
        a_row(owner, created_at=NOON - place * SECOND, **changes)
        for place, changes in enumerate(kinds)
    ]
    await service.stores.notifications.insert(rows)
    expected = await recorded(service, rows)
    for _ in range(2):
        assert await shown(service, owner) == expected


async def test_what_two_were_told_alike_each_is_shown_under_an_id_of_their_own(
    service: Service,
) -> None:
    row = a_row(uuid4(), business_id=await a_business(service.stores))
    sibling = replace(row, id=uuid4(), recipient_id=uuid4())
    await service.stores.notifications.insert([row, sibling])
    (first,) = await shown(service, row.recipient_id)
    (second,) = await shown(service, sibling.recipient_id)
    assert second == {**first, "id": str(sibling.id)}


async def test_a_new_name_is_shown_with_what_was_shown_before(service: Service) -> None:
    business_id = await a_business(service.stores, name="Corner Bakery")
    row = a_row(uuid4(), business_id=business_id)
    await service.stores.notifications.insert([row])
    (before,) = await shown(service, row.recipient_id)
    renamed = BusinessChange(business_id, {"name": "Baker Street"}, NOON + SECOND)
    await service.stores.businesses.apply([renamed])
    service.names.forget([business_id])
    (after,) = await shown(service, row.recipient_id)
    assert (before["business"]["name"], after["business"]["name"]) == (
        "Corner Bakery",
        "Baker Street",
    )
