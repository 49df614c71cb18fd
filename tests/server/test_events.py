"""`POST /api/internal/events/`: what is taken, what is refused and why (contract section 3)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from server.schemas.event_data import DATA
from tests.server.posting import LEFT_OUT, data_of, outcome, send, shown, taken
from tests.support.api import Api, token
from tests.support.world import EVENTS, event


@pytest.mark.parametrize("event_type", DATA)
async def test_every_type_is_taken_by_itself(api: Api, event_type: str) -> None:
    assert outcome(await send(api, event(event_type, data_of(event_type)))) == taken(1)


async def test_a_batch_may_hold_every_type(api: Api) -> None:
    batch = [event(event_type, data_of(event_type)) for event_type in DATA]
    assert outcome(await send(api, {"events": batch})) == taken(len(batch))


@pytest.mark.parametrize("path", [EVENTS, EVENTS.rstrip("/")])
@pytest.mark.parametrize("user_type", ["service", "admin"])
async def test_services_and_admins_may_send(api: Api, path: str, user_type: str) -> None:
    one = event("user.registered", data_of("user.registered"))
    assert outcome(await api.post(path, token(user_type=user_type), one)) == taken(1)


async def test_the_same_id_of_the_same_sender_is_a_duplicate_whatever_it_says(api: Api) -> None:
    one = event("user.registered", data_of("user.registered"))
    other = event("listing.created", data_of("listing.created"), id=one["id"])
    assert outcome(await send(api, one)) == taken(1)
    assert outcome(await send(api, one)) == taken(0, 1)
    assert outcome(await send(api, other)) == taken(0, 1)
    assert outcome(await send(api, {"events": [one, other]})) == taken(0, 2)


async def test_the_same_id_of_another_sender_is_new(api: Api) -> None:
    one = event("user.registered", data_of("user.registered"))
    assert outcome(await send(api, one, token(user_type="service"))) == taken(1)
    assert outcome(await send(api, one, token(user_type="service"))) == taken(1)


async def test_a_sender_is_who_the_token_says_and_not_the_token(api: Api) -> None:
    one = event("user.registered", data_of("user.registered"))
    sender = uuid4()
    assert outcome(await send(api, one, token(sender, "service"))) == taken(1)
    assert outcome(await send(api, one, token(sender, "admin", jti="2"))) == taken(0, 1)


async def test_duplicates_are_counted_within_a_batch_too(api: Api) -> None:
    known, new = (event("user.updated", data_of("user.updated")) for _ in range(2))
    await send(api, known)
    assert outcome(await send(api, {"events": [known, new, new, new]})) == taken(1, 3)


@pytest.mark.parametrize("event_id", ["1", "x" * 128, "a b/c?d=é🍞", "770g", " "])
async def test_an_id_is_any_string_of_up_to_128_characters(api: Api, event_id: str) -> None:
    bearer = token(user_type="service")
    one = event("user.updated", data_of("user.updated"), id=event_id)
    assert outcome(await send(api, one, bearer)) == taken(1)
    assert outcome(await send(api, one, bearer)) == taken(0, 1)


async def test_a_thousand_events_are_a_batch_and_one_more_is_not(api: Api) -> None:
    one = event("user.updated", data_of("user.updated"))
    refused = await send(api, {"events": [one] * 1_001})
    assert refused.status == 400
    assert refused.error["details"] == {"events": ["Must be a list of 1 to 1000 events."]}
    assert outcome(await send(api, {"events": [one] * 1_000})) == taken(1, 999)


@pytest.mark.parametrize("batch", [[], None, {}, "events", 7])
async def test_what_is_no_list_of_events_is_400(api: Api, batch: Any) -> None:
    answer = await send(api, {"events": batch})
    assert answer.error["details"] == {"events": ["Must be a list of 1 to 1000 events."]}


@pytest.mark.parametrize("body", [[], "event", 7])
async def test_what_is_neither_an_event_nor_a_batch_is_400(api: Api, body: Any) -> None:
    answer = await send(api, body)
    assert (answer.status, list(answer.error["details"])) == (400, ["body"])


async def test_a_batch_has_no_other_fields(api: Api) -> None:
    batch = [event("user.updated", data_of("user.updated"))]
    answer = await send(api, {"events": batch, "atomic": False})
    assert answer.error["details"] == {"atomic": ["Unknown field."]}


@pytest.mark.parametrize("place", [0, 1, 2, 60])
async def test_one_bad_event_is_named_by_its_index_and_nothing_of_the_batch_is_taken(
    api: Api, place: int
) -> None:
    batch = [event("user.updated", data_of("user.updated")) for _ in range(61)]
    batch[place] = event("user.updated", {"id": "nobody"})
    answer = await send(api, {"events": batch})
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
    assert answer.error["details"] == {f"events.{place}.data.id": ["Not a valid UUID."]}
    good = [one for number, one in enumerate(batch) if number != place]
    assert outcome(await send(api, {"events": good})) == taken(60)


@pytest.mark.parametrize("bad", ["event", 7, None, []])
async def test_an_entry_that_is_no_event_is_named_by_its_index(api: Api, bad: Any) -> None:
    good = event("user.updated", data_of("user.updated"))
    answer = await send(api, {"events": [good, bad]})
    assert (answer.status, list(answer.error["details"])) == (400, ["events.1"])


ENVELOPE = [
    ("id", LEFT_OUT),
    ("id", ""),
    ("id", "x" * 129),
    ("id", 7),
    ("id", None),
    ("type", LEFT_OUT),
    ("type", "listing.exploded"),
    ("type", None),
    ("type", ["user.updated"]),
    ("occurred_at", LEFT_OUT),
    ("occurred_at", "yesterday"),
    ("occurred_at", "2025-11-22"),
    ("occurred_at", "2025-11-22T12:00:00"),
    ("occurred_at", 1_795_348_800),
    ("occurred_at", None),
    ("occurred_at", "0001-01-01T00:00:00+14:00"),
    ("data", LEFT_OUT),
    ("data", None),
    ("data", []),
    ("data", "id"),
    ("sender", "me"),
]


@pytest.mark.parametrize(("field", "value"), ENVELOPE, ids=shown)
async def test_a_bad_envelope_names_the_field(api: Api, field: str, value: Any) -> None:
    one = event("user.updated", data_of("user.updated")) | {field: value}
    one = {name: kept for name, kept in one.items() if kept is not LEFT_OUT}
    by_itself = await send(api, one)
    assert (by_itself.status, list(by_itself.error["details"])) == (400, [field])
    in_a_batch = await send(api, {"events": [one]})
    assert list(in_a_batch.error["details"]) == [f"events.0.{field}"]
    assert in_a_batch.error["details"][f"events.0.{field}"] == by_itself.error["details"][field]


@pytest.mark.parametrize(
    "occurred_at",
    [
        "2025-11-22T12:00:00Z",
        "2025-11-22T14:00:00+02:00",
        "2025-11-22T12:00:00.123456Z",
        "2025-11-22T12:00:00.123456789Z",
        "1999-12-31T23:59:59-11:00",
    ],
)
async def test_a_time_is_rfc_3339_with_any_offset(api: Api, occurred_at: str) -> None:
    one = event("user.updated", data_of("user.updated"), occurred_at=occurred_at)
    assert outcome(await send(api, one)) == taken(1)
