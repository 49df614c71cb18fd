"""The data of each type of event: what is good, and how what is not is named."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.posting import LEFT_OUT, data_of, outcome, send, shown, taken
from tests.support.api import AN_ID, Api
from tests.support.world import event

BAD_DATA: list[tuple[str, str, Any]] = [
    ("user.registered", "id", LEFT_OUT),
    ("user.registered", "id", "thandi"),
    ("user.registered", "name", LEFT_OUT),
    ("user.registered", "name", ""),
    ("user.registered", "name", "\x00\x07"),
    ("user.registered", "name", "x" * 201),
    ("user.registered", "name", None),
    ("user.registered", "user_type", LEFT_OUT),
    ("user.registered", "user_type", "service"),
    ("user.registered", "user_type", "root"),
    ("user.registered", "email", LEFT_OUT),
    ("user.registered", "email", "thandi"),
    ("user.registered", "email", f"{'x' * 250}@example.org"),
    ("user.registered", "phone", ""),
    ("user.registered", "phone", "0" * 33),
    ("user.registered", "locale", "english please"),
    ("user.registered", "timezone", "Africa/Atlantis"),
    ("user.registered", "profile_image", "javascript:alert(1)"),
    ("user.registered", "profile_image", "/me.png"),
    ("user.registered", "business_id", "mario"),
    ("user.registered", "password", "hunter2"),
    ("user.updated", "id", LEFT_OUT),
    ("user.updated", "name", ""),
    ("user.updated", "user_type", None),
    ("user.updated", "email", "thandi"),
    ("user.updated", "admin", True),
    ("business.created", "id", LEFT_OUT),
    ("business.created", "owner_id", LEFT_OUT),
    ("business.created", "owner_id", "mario"),
    ("business.created", "name", LEFT_OUT),
    ("business.created", "logo", "ftp://img.example/logo.png"),
    ("business.created", "logo", f"https://img.example/{'x' * 2_048}"),
    ("business.created", "address", "x" * 501),
    ("business.created", "rating", 5.1),
    ("business.created", "rating", -1),
    ("business.created", "rating", "good"),
    ("business.created", "followers_count", 7),
    ("business.updated", "id", LEFT_OUT),
    ("business.updated", "owner_id", None),
    ("business.updated", "rating", 6),
    ("listing.created", "listing_id", LEFT_OUT),
    ("listing.created", "listing_id", "x" * 129),
    ("listing.created", "business_id", LEFT_OUT),
    ("listing.created", "business_id", "mario"),
    ("listing.created", "name", LEFT_OUT),
    ("listing.created", "name", "x" * 201),
    ("listing.created", "description", "x" * 5_001),
    ("listing.created", "price", LEFT_OUT),
    ("listing.created", "price", "free"),
    ("listing.created", "price", -1),
    ("listing.created", "price", "NaN"),
    ("listing.created", "price", 10**9 + 1),
    ("listing.created", "currency", "rand"),
    ("listing.created", "currency", "zar"),
    ("listing.created", "expiry_date", LEFT_OUT),
    ("listing.created", "expiry_date", "2025-11-22T18:00:00"),
    ("listing.created", "expiry_date", "0001-01-01T00:00:00Z"),
    ("listing.created", "expiry_date", "9999-12-31T23:59:59Z"),
    ("listing.created", "pickup_location", LEFT_OUT),
    ("listing.created", "pickup_location", ""),
    ("listing.created", "image_url", "data:image/png;base64,AAAA"),
    ("listing.created", "stock", 3),
    ("user.deleted", "id", LEFT_OUT),
    ("user.deleted", "id", None),
    ("user.deleted", "id", "thandi"),
    ("user.deleted", "name", "Thandi"),
    ("listing.interest", "listing_id", LEFT_OUT),
    ("listing.interest", "listing_id", ""),
    ("listing.interest", "listing_id", "x" * 129),
    ("listing.interest", "user_id", LEFT_OUT),
    ("listing.interest", "user_id", "thandi"),
    ("listing.interest", "user_id", None),
    ("listing.interest", "since", "2025-11-22T18:00:00Z"),
    ("listing.removed", "listing_id", LEFT_OUT),
    ("listing.removed", "listing_id", None),
    ("listing.removed", "listing_id", "x" * 129),
    ("listing.removed", "reason", "sold"),
    ("pickup.scheduled", "interaction_id", LEFT_OUT),
    ("pickup.scheduled", "interaction_id", ""),
    ("pickup.scheduled", "interaction_id", "x" * 129),
    ("pickup.scheduled", "user_id", LEFT_OUT),
    ("pickup.scheduled", "user_id", "thandi"),
    ("pickup.scheduled", "business_id", LEFT_OUT),
    ("pickup.scheduled", "business_id", "mario"),
    ("pickup.scheduled", "order_number", LEFT_OUT),
    ("pickup.scheduled", "order_number", ""),
    ("pickup.scheduled", "order_number", "x" * 129),
    ("pickup.scheduled", "pickup_time", LEFT_OUT),
    ("pickup.scheduled", "pickup_time", "tomorrow"),
    ("pickup.scheduled", "pickup_time", "2025-11-22T18:00:00"),
    ("pickup.scheduled", "pickup_time", "0001-01-01T00:00:00Z"),
    ("pickup.scheduled", "pickup_time", "9999-12-31T23:59:59Z"),
    ("pickup.scheduled", "pickup_location", LEFT_OUT),
    ("pickup.scheduled", "pickup_location", ""),
    ("pickup.scheduled", "pickup_location", "x" * 501),
    ("pickup.scheduled", "contact_person", ""),
    ("pickup.scheduled", "contact_person", "x" * 201),
    ("pickup.scheduled", "contact_phone", ""),
    ("pickup.scheduled", "contact_phone", "0" * 33),
    ("pickup.scheduled", "contact_phone", 27123456789),
    ("pickup.scheduled", "confirmation_code", ""),
    ("pickup.scheduled", "confirmation_code", "x" * 65),
    ("pickup.scheduled", "items", "bread"),
    ("pickup.scheduled", "items", {"name": "Bread"}),
    ("pickup.scheduled", "items", ["Bread"] * 101),
    ("pickup.scheduled", "total_amount", "free"),
    ("pickup.scheduled", "total_amount", -1),
    ("pickup.scheduled", "status", "scheduled"),
    ("pickup.completed", "interaction_id", LEFT_OUT),
    ("pickup.completed", "interaction_id", ""),
    ("pickup.completed", "order_number", "SNB-1"),
    ("pickup.cancelled", "interaction_id", LEFT_OUT),
    ("pickup.cancelled", "interaction_id", None),
    ("pickup.cancelled", "reason", "ill"),
    ("review.created", "review_id", LEFT_OUT),
    ("review.created", "review_id", ""),
    ("review.created", "review_id", "x" * 129),
    ("review.created", "business_id", LEFT_OUT),
    ("review.created", "business_id", "mario"),
    ("review.created", "reviewer_id", LEFT_OUT),
    ("review.created", "reviewer_id", None),
    ("review.created", "reviewer_id", "thandi"),
    ("review.created", "rating", LEFT_OUT),
    ("review.created", "rating", 0),
    ("review.created", "rating", 6),
    ("review.created", "rating", 0.5),
    ("review.created", "rating", True),
    ("review.created", "rating", "five"),
    ("review.created", "rating", None),
    ("review.created", "comment", "x" * 5_001),
    ("review.created", "comment", 7),
    ("review.created", "verified", True),
    ("interaction.status_changed", "interaction_id", LEFT_OUT),
    ("interaction.status_changed", "interaction_id", ""),
    ("interaction.status_changed", "interaction_id", "x" * 129),
    ("interaction.status_changed", "business_id", LEFT_OUT),
    ("interaction.status_changed", "business_id", "mario"),
    ("interaction.status_changed", "customer_id", LEFT_OUT),
    ("interaction.status_changed", "customer_id", None),
    ("interaction.status_changed", "customer_id", "thandi"),
    ("interaction.status_changed", "old_status", LEFT_OUT),
    ("interaction.status_changed", "old_status", ""),
    ("interaction.status_changed", "old_status", "x" * 65),
    ("interaction.status_changed", "new_status", LEFT_OUT),
    ("interaction.status_changed", "new_status", None),
    ("interaction.status_changed", "new_status", "\x00"),
    ("interaction.status_changed", "new_status", "x" * 65),
    ("interaction.status_changed", "new_status", 7),
    ("interaction.status_changed", "order_number", ""),
    ("interaction.status_changed", "order_number", "x" * 129),
    ("interaction.status_changed", "order_number", 12345),
    ("interaction.status_changed", "total_amount", "free"),
    ("interaction.status_changed", "total_amount", -1),
    ("interaction.status_changed", "total_amount", 10**9 + 1),
    ("interaction.status_changed", "status", "confirmed"),
    ("verification.status_changed", "user_id", LEFT_OUT),
    ("verification.status_changed", "user_id", "thandi"),
    ("verification.status_changed", "status", LEFT_OUT),
    ("verification.status_changed", "status", ""),
    ("verification.status_changed", "status", "x" * 65),
    ("verification.status_changed", "status", None),
    ("verification.status_changed", "reason", "x" * 1_001),
    ("verification.status_changed", "reason", 7),
    ("verification.status_changed", "old_status", "pending"),
]


@pytest.mark.parametrize(("event_type", "field", "value"), BAD_DATA, ids=shown)
async def test_bad_data_names_the_field(api: Api, event_type: str, field: str, value: Any) -> None:
    one = event(event_type, data_of(event_type, **{field: value}))
    answer = await send(api, one)
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
    assert list(answer.error["details"]) == [f"data.{field}"]
    assert answer.error["details"][f"data.{field}"]
    in_a_batch = await send(api, {"events": [event("user.updated", data_of("user.updated")), one]})
    assert list(in_a_batch.error["details"]) == [f"events.1.data.{field}"]


GOOD_DATA: list[tuple[str, dict[str, Any]]] = [
    ("user.registered", dict.fromkeys(("phone", "locale", "timezone", "profile_image"))),
    ("user.registered", {"business_id": None, "user_type": "provider"}),
    ("user.registered", {"phone": "+27 82 123 4567", "locale": "af-ZA", "timezone": "UTC"}),
    ("user.registered", {"profile_image": "https://img.example/me.png"}),
    ("user.updated", {"name": "Thandi"}),
    ("user.updated", {"phone": None}),
    ("business.created", dict.fromkeys(("logo", "address", "rating"))),
    ("business.created", {"rating": 0, "logo": "http://localhost:9000/logo.png"}),
    ("business.updated", {"rating": 5}),
    ("listing.created", {"price": 0}),
    ("listing.created", dict.fromkeys(("description", "currency", "image_url"))),
    ("listing.created", {"price": 12.5, "currency": "USD", "description": "", "image_url": None}),
    ("listing.created", {"listing_id": "770g8600-no-uuid", "price": "12.50"}),
    ("listing.interest", {"listing_id": str(AN_ID)}),
    ("pickup.scheduled", dict.fromkeys(("contact_person", "contact_phone", "confirmation_code"))),
    ("pickup.scheduled", dict.fromkeys(("items", "total_amount"))),
    ("pickup.scheduled", {"contact_person": "John Smith", "contact_phone": "+27123456789"}),
    ("pickup.scheduled", {"confirmation_code": "ABC123", "total_amount": 25.5, "items": []}),
    ("pickup.scheduled", {"items": ["Bread", {"name": "Milk", "quantity": 2}] * 50}),
    ("pickup.scheduled", {"pickup_time": "2020-01-01T00:00:00+02:00"}),
    ("pickup.scheduled", {"pickup_time": "8999-12-31T23:59:59Z"}),
    ("listing.created", {"expiry_date": "1970-01-01T00:00:00Z"}),
    ("interaction.status_changed", dict.fromkeys(("order_number", "total_amount"))),
    ("interaction.status_changed", {"order_number": "SNB-2025-12345", "total_amount": "25.50"}),
    ("interaction.status_changed", {"interaction_id": "770g", "new_status": "in transit"}),
    ("interaction.status_changed", {"total_amount": 0}),
    ("verification.status_changed", {"reason": None}),
    ("verification.status_changed", {"reason": "The photo is blurred.", "status": "rejected"}),
    ("review.created", {"comment": None, "rating": 1}),
    ("review.created", {"comment": "", "rating": 5}),
    ("review.created", {"comment": "Lovely <b>bread</b>", "review_id": "770g"}),
]


@pytest.mark.parametrize(("event_type", "fields"), GOOD_DATA, ids=shown)
async def test_what_may_be_left_out_or_null_is_taken(
    api: Api, event_type: str, fields: dict[str, Any]
) -> None:
    answer = await send(api, event(event_type, data_of(event_type, **fields)))
    assert outcome(answer) == taken(1), answer.body


@pytest.mark.parametrize(
    "bad",
    ["", "x" * 201, "\x00", None, 7, ["Bread"], {"$set": 1}, {"note": "x" * 4_100}],
    ids=shown,
)
async def test_a_bad_item_is_named_by_its_place(api: Api, bad: Any) -> None:
    data = data_of("pickup.scheduled", items=["Bread", bad])
    answer = await send(api, event("pickup.scheduled", data))
    assert answer.status == 400
    assert list(answer.error["details"]) == ["data.items.1"]


async def test_all_that_is_wrong_with_an_event_is_named_at_once(api: Api) -> None:
    bad = data_of("listing.created", price="free", business_id="mario", name=LEFT_OUT)
    answer = await send(api, event("listing.created", bad))
    assert set(answer.error["details"]) == {"data.price", "data.business_id", "data.name"}
