from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from storage.encryption import FieldCipher
from storage.idempotency_keys import (
    HELD_FOR,
    KEPT,
    Attempt,
    Held,
    IdempotencyKeys,
    KeptAnswer,
    KeyReused,
)
from tests.storage.samples import KEY, OURS, SECOND, THEIRS

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.stores import Stores

NOW = datetime.now(UTC).replace(microsecond=0)
"""Not a fixed time: the store removes by its own clock what has expired."""

ANSWER = KeptAnswer(201, '{"title": "Bread for Thandi"}')


@pytest.fixture
def keys(stores: Stores) -> IdempotencyKeys:
    return stores.idempotency_keys


async def begun(
    keys: IdempotencyKeys, key_id: UUID | None = None, *, now: datetime = NOW
) -> Attempt:
    attempt = await keys.begin(key_id or uuid4(), "POST a", OURS, now=now)
    assert isinstance(attempt, Attempt)
    return attempt


async def again(keys: IdempotencyKeys, key_id: UUID, *, now: datetime = NOW) -> Any:
    return await keys.begin(key_id, "POST a", THEIRS, now=now)


async def test_the_first_try_holds_the_key_and_the_next_is_told_whose_it_is(
    keys: IdempotencyKeys,
) -> None:
    first = await begun(keys)
    assert first.begun_at == NOW
    held = await again(keys, first.key_id, now=NOW + SECOND)
    assert held == Held(first.key_id, first.token, OURS, NOW + HELD_FOR)


async def test_of_tries_at_once_one_holds_the_key(keys: IdempotencyKeys) -> None:
    key_id = uuid4()
    tries = await asyncio.gather(*(again(keys, key_id) for _ in range(20)))
    (holder,) = [each for each in tries if isinstance(each, Attempt)]
    others = [each for each in tries if isinstance(each, Held)]
    assert len(others) == 19
    assert {held.token for held in others} == {holder.token}


async def test_an_answer_is_given_again_for_a_day(keys: IdempotencyKeys) -> None:
    first = await begun(keys)
    await keys.keep(first, ANSWER)
    assert await again(keys, first.key_id, now=NOW + KEPT - SECOND) == ANSWER


async def test_after_a_day_the_key_is_as_good_as_new_before_the_store_has_removed_it(
    keys: IdempotencyKeys,
) -> None:
    first = await begun(keys)
    await keys.keep(first, ANSWER)
    tries = await asyncio.gather(
        *(keys.begin(first.key_id, "POST b", OURS, now=NOW + KEPT) for _ in range(5))
    )
    (second,) = [each for each in tries if isinstance(each, Attempt)]
    assert second.work_id != first.work_id
    assert second.begun_at == NOW + KEPT
    # Whoever held it before has no say any more.
    await keys.keep(first, ANSWER)
    assert isinstance(await keys.begin(first.key_id, "POST b", OURS, now=NOW + KEPT), Held)


@pytest.mark.parametrize("is_answered", [True, False])
async def test_another_request_under_the_key_is_refused(
    keys: IdempotencyKeys, is_answered: bool
) -> None:
    first = await begun(keys)
    if is_answered:
        await keys.keep(first, ANSWER)
    with pytest.raises(KeyReused):
        await keys.begin(first.key_id, "POST b", OURS, now=NOW)


async def test_who_takes_over_goes_on_with_the_same_work(keys: IdempotencyKeys) -> None:
    first = await begun(keys)
    held = await again(keys, first.key_id)
    second = await keys.take_over(held, THEIRS, now=NOW + HELD_FOR)
    assert second is not None
    assert (second.work_id, second.begun_at) == (first.work_id, NOW)
    assert second.token != first.token
    # The one that was given up may live, and answers without effect.
    await keys.keep(first, KeptAnswer(500, "{}"))
    await keys.let_go(first)
    await keys.forget(first)
    held = await again(keys, first.key_id)
    assert held == Held(first.key_id, second.token, THEIRS, NOW + 2 * HELD_FOR)
    await keys.keep(second, ANSWER)
    assert await again(keys, first.key_id) == ANSWER


async def test_of_several_that_take_over_one_does(keys: IdempotencyKeys) -> None:
    held = await again(keys, (await begun(keys)).key_id)
    taken = await asyncio.gather(*(keys.take_over(held, THEIRS, now=NOW) for _ in range(8)))
    assert len([attempt for attempt in taken if attempt is not None]) == 1


@pytest.mark.parametrize("is_answered", [True, False])
async def test_what_has_ended_meanwhile_is_not_taken_over(
    keys: IdempotencyKeys, is_answered: bool
) -> None:
    first = await begun(keys)
    held = await again(keys, first.key_id)
    await (keys.keep(first, ANSWER) if is_answered else keys.forget(first))
    assert await keys.take_over(held, THEIRS, now=NOW) is None


async def test_what_is_let_go_is_held_no_more(keys: IdempotencyKeys) -> None:
    first = await begun(keys)
    await keys.let_go(first)
    held = await again(keys, first.key_id)
    assert isinstance(held, Held)
    assert held.until < NOW


async def test_what_is_forgotten_may_be_another_request(keys: IdempotencyKeys) -> None:
    first = await begun(keys)
    await keys.forget(first)
    second = await keys.begin(first.key_id, "POST b", OURS, now=NOW)
    assert isinstance(second, Attempt)
    assert second.work_id != first.work_id


async def test_neither_request_nor_answer_can_be_read_from_the_database(
    keys: IdempotencyKeys, database: AsyncIOMotorDatabase[Document]
) -> None:
    first = await begun(keys)
    await keys.keep(first, ANSWER)
    row = await database["idempotency_keys"].find_one({"_id": first.key_id})
    assert row is not None
    assert b"POST a" not in row["fingerprint"]
    assert b"Thandi" not in row["answer"]["body"]


async def test_what_cannot_be_decrypted_is_not_done_again(
    keys: IdempotencyKeys, database: AsyncIOMotorDatabase[Document]
) -> None:
    first = await begun(keys)
    after_loss = IdempotencyKeys(database, FieldCipher([KEY[::-1]]))
    with pytest.raises(KeyReused):
        await again(after_loss, first.key_id)
