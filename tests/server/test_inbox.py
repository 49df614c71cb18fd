"""`GET /api/notifications/`: what is listed, filtered and paged (contract section 2.1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from rules.kinds import KINDS
from server.service import Service
from tests.server.inboxes import INBOX, MINUTE, NOON, a_row, keep, keep_unread, listed
from tests.support.api import Api, token
from tests.support.world import Person, World, user

UNREAD = {"is_read": False}
READ: dict[str, Any] = {"is_read": True, "read_at": NOON}


@pytest.mark.parametrize("path", [INBOX, INBOX.rstrip("/")])
async def test_an_empty_inbox_is_an_empty_list(api: Api, person: Person, path: str) -> None:
    answer = await api.get(path, person.token)
    assert (answer.status, answer.body) == (
        200,
        {"count": 0, "unread_count": 0, "next": None, "previous": None, "results": []},
    )


async def test_a_notification_is_shown_whole(world: World) -> None:
    shop = await world.shop(name="Mario's", logo="https://img.example/mario.png")
    follower = await world.follower(shop)
    listing_id = await world.post_listing(
        shop, "Margherita", image_url="https://img.example/pizza.jpg", price=12.5
    )
    (shown,) = await world.told(follower)
    id_, created_at = shown.pop("id"), shown.pop("created_at")
    expiry_date = shown["data"].pop("expiry_date")
    assert UUID(id_).version == 7
    assert abs(datetime.now(UTC) - datetime.fromisoformat(created_at)) < timedelta(minutes=1)
    assert created_at.endswith("Z")
    assert expiry_date.endswith("Z")
    assert shown == {
        "notification_type": "new_listing",
        "title": "Margherita at Mario's",
        "message": "Mario's just posted Margherita for R12.50. "
        "Collect at 12 Long Street, Cape Town.",
        "data": {
            "listing_id": listing_id,
            "business_id": str(shop.id),
            "listing_name": "Margherita",
            "price": "12.50",
            "currency": "ZAR",
            "pickup_location": "12 Long Street, Cape Town",
            "deep_link": f"savenbiteguild://listing/{listing_id}",
        },
        "sender": {"id": str(shop.owner.id), "name": "Mario's", "user_type": "provider"},
        "business": {
            "id": str(shop.id),
            "name": "Mario's",
            "logo": "https://img.example/mario.png",
        },
        "action_buttons": [
            {"text": "View Details", "action": "view_listing", "url": f"/listings/{listing_id}"},
            {"text": "Add to Cart", "action": "add_to_cart", "listing_id": listing_id},
        ],
        "image_url": "https://img.example/pizza.jpg",
        "priority": "normal",
        "is_read": False,
        "is_deleted": False,
        "read_at": None,
    }


async def test_one_sees_ones_own_and_nobody_elses(
    api: Api, service: Service, person: Person
) -> None:
    other_id = uuid4()
    other = Person(other_id, token(other_id))
    (mine,) = await keep_unread(service, person, 1)
    (theirs,) = await keep_unread(service, other, 1)
    assert await listed(api, person) == [mine]
    assert await listed(api, other) == [theirs]


async def test_the_newest_comes_first_and_of_one_moment_the_higher_id(
    api: Api, service: Service, person: Person
) -> None:
    at_once = sorted((uuid4(), uuid4()), reverse=True)
    rows = [
        a_row(person.id, created_at=NOON - MINUTE),
        *(a_row(person.id, id=id_) for id_ in at_once),
        a_row(person.id, created_at=NOON + MINUTE),
    ]
    await service.stores.notifications.insert(rows)
    first, *same, last = await listed(api, person)
    assert (first, last) == (str(rows[3].id), str(rows[0].id))
    assert same == [str(id_) for id_ in at_once]


async def test_deleted_ones_and_those_of_other_channels_are_not_shown(
    api: Api, service: Service, person: Person
) -> None:
    _, _, shown = await keep(service, person, {"is_deleted": True}, {"in_app": False}, {})
    answer = await api.get(INBOX, person.token)
    assert [row["id"] for row in answer.body["results"]] == [shown]
    assert (answer.body["count"], answer.body["unread_count"]) == (1, 1)


@pytest.mark.parametrize(
    ("query", "expected"),
    [("", {0, 1, 2}), ("?is_read=true", {1}), ("?is_read=false", {0, 2})],
)
async def test_read_and_unread_ones_can_be_asked_for(
    api: Api, service: Service, person: Person, query: str, expected: set[int]
) -> None:
    ids = await keep(service, person, UNREAD, READ, UNREAD)
    answer = await api.get(f"{INBOX}{query}", person.token)
    assert {row["id"] for row in answer.body["results"]} == {ids[place] for place in expected}
    assert answer.body["count"] == len(expected)
    assert answer.body["unread_count"] == 2, "the count is of the inbox, not of the page"


async def test_one_type_can_be_asked_for(api: Api, service: Service, person: Person) -> None:
    kinds = [name for name in KINDS if KINDS[name].channels != ("email",)]
    ids = await keep(service, person, *({"kind": kind} for kind in kinds))
    for kind, id_ in zip(kinds, ids, strict=True):
        assert await listed(api, person, f"?notification_type={kind}") == [id_]


async def test_filters_add_up(api: Api, service: Service, person: Person) -> None:
    day = timedelta(days=1)
    wanted, *_ = await keep(
        service,
        person,
        READ,
        UNREAD,
        READ | {"kind": "business_update"},
        READ | {"created_at": NOON - day},
        READ | {"created_at": NOON + day},
    )
    query = "?is_read=true&notification_type=new_listing&date_from=2025-11-22&date_to=2025-11-22"
    assert await listed(api, person, query) == [wanted]


async def test_who_sent_it_is_shown_by_the_name_they_have_now(
    world: World, service: Service
) -> None:
    person, sender = await world.person(), await world.person("admin", name="Old Name")
    await keep(service, person, {"sender_id": sender.id, "kind": "system_announcement"})
    renamed = user(sender.id, "admin", name="New Name")
    assert (await world.event("user.updated", renamed)).status == 202

    async def is_renamed() -> bool:
        (row,) = (await world.inbox(person))["results"]
        return bool(
            row["sender"]
            == {
                "id": str(sender.id),
                "name": "New Name",
                "user_type": "admin",
            }
        )

    await world.eventually(is_renamed)


async def test_a_sender_of_whom_nothing_is_known_has_an_id_and_no_name(
    api: Api, service: Service, person: Person
) -> None:
    stranger = uuid4()
    await keep(service, person, {"sender_id": stranger, "business_id": uuid4()})
    answer = await api.get(INBOX, person.token)
    (row,) = answer.body["results"]
    assert row["sender"] == {"id": str(stranger), "name": None, "user_type": None}
    assert row["business"] is None


async def test_what_nobody_sent_has_no_sender(api: Api, service: Service, person: Person) -> None:
    await keep(service, person, {"kind": "pickup_missed"})
    (row,) = (await api.get(INBOX, person.token)).body["results"]
    assert (row["sender"], row["business"]) == (None, None)
