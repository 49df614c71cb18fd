from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from rules.engagement import Engagement
from tests.storage.samples import MINUTE, NOON, a_row

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.stores import Stores

UNTIL = NOON + MINUTE


async def test_what_was_received_read_and_clicked_is_counted_for_each_recipient(
    stores: Stores, database: AsyncIOMotorDatabase[Document]
) -> None:
    business_id, keen, idle, stranger = (uuid4() for _ in range(4))
    of_the_business: dict[str, Any] = {"business_id": business_id}
    rows = [
        a_row(keen, **of_the_business, is_read=True, read_at=NOON),
        a_row(keen, **of_the_business, is_read=True, read_at=NOON, is_deleted=True),
        a_row(keen, **of_the_business),
        a_row(idle, **of_the_business),
        a_row(idle, business_id=uuid4(), is_read=True, read_at=NOON),
    ]
    await stores.notifications.insert(rows)
    await database["notifications"].update_one(
        {"_id": rows[0].id, "recipient_id": keen}, {"$set": {"clicked_at": NOON}}
    )
    found = await stores.engagement.of(business_id, [keen, idle, stranger], since=NOON, until=UNTIL)
    assert found == {keen: Engagement(3, 2, 1), idle: Engagement(1, 0, 0)}


async def test_what_is_older_and_what_was_never_shown_does_not_count(stores: Stores) -> None:
    business_id, person = uuid4(), uuid4()
    await stores.notifications.insert(
        [
            a_row(person, business_id=business_id, created_at=NOON - MINUTE),
            a_row(person, business_id=business_id, created_at=UNTIL),
            a_row(person, business_id=business_id, in_app=False),
            a_row(person, business_id=business_id),
        ]
    )
    found = await stores.engagement.of(business_id, [person], since=NOON, until=UNTIL)
    assert found == {person: Engagement(1, 0, 0)}
