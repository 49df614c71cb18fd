"""Who is registered is welcomed, once."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from actors.flows.plan import NOTHING, Plan
from actors.flows.profiles import UserProfiles, welcome
from storage.events import StoredEvent
from storage.stores import Stores
from tests.storage.samples import MINUTE, NOON, an_event
from tests.support.world import user


def registered(user_id: UUID, **fields: Any) -> StoredEvent:
    return an_event(type="user.registered", lane="read_model", data=user(user_id, **fields)).stored(
        NOON
    )


def updated(user_id: UUID, **fields: Any) -> StoredEvent:
    return an_event(
        type="user.updated",
        lane="read_model",
        data={"id": str(user_id), **fields},
        occurred_at=NOON + MINUTE,
    ).stored(NOON)


async def welcomed(stores: Stores, *events: StoredEvent) -> list[UUID | None]:
    """Return of each event whom it welcomes."""
    plans = await UserProfiles(stores.users, ()).plan(events)
    return [
        plan.tells[0].recipient_ids[0] if isinstance(plan, Plan) and plan != NOTHING else None
        for plan in plans
    ]


async def test_who_is_registered_is_welcomed_and_an_update_welcomes_nobody(stores: Stores) -> None:
    first, second = uuid4(), uuid4()
    events = [registered(first), updated(second, name="New"), registered(second), updated(first)]
    assert await welcomed(stores, *events) == [first, None, second, None]
    assert (await stores.users.get(second)).name == "New"


async def test_an_update_that_came_first_does_not_stand_in_the_way(stores: Stores) -> None:
    user_id = uuid4()
    assert await welcomed(stores, updated(user_id, name="Married")) == [None]
    assert await welcomed(stores, registered(user_id)) == [user_id]
    assert (await stores.users.get(user_id)).name == "Married"


async def test_a_registration_done_again_welcomes_again_and_another_one_does_not(
    stores: Stores,
) -> None:
    user_id = uuid4()
    first, other = registered(user_id), registered(user_id)
    assert await welcomed(stores, first) == [user_id]
    assert await welcomed(stores, first) == [user_id]
    assert await welcomed(stores, other) == [None]
    assert await welcomed(stores, other, first) == [None, user_id]


@pytest.mark.parametrize(
    ("user_type", "word"), [("customer", "Follow"), ("ngo", "Follow"), ("provider", "Post")]
)
def test_the_welcome_says_what_to_do_first_and_names_nobody(user_type: str, word: str) -> None:
    content = welcome(user_type)
    assert content.message.startswith(f"Your account is ready. {word} ")
    assert content.kind.name == "welcome"
