"""Uses of the idempotency keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from storage.idempotency_keys import Attempt, Held, IdempotencyKeys, KeptAnswer
from tests.storage.filled.asked import LATER
from tests.storage.samples import OURS, THEIRS
from tests.storage.uses.use import Use, is_found, without

if TYPE_CHECKING:
    from storage.stores import Stores

A_KEY = uuid4()
WITHOUT_IT = without("idempotency_keys", [A_KEY])


def begun(
    method: Callable[..., Any], act: Callable[[IdempotencyKeys, Attempt], Awaitable[Any]]
) -> Use:
    """Use `method` by `act`, on an attempt that was begun for it."""

    async def run(stores: Stores) -> Any:
        keys = stores.idempotency_keys
        attempt = await keys.begin(A_KEY, "POST", OURS, now=LATER)
        assert isinstance(attempt, Attempt)
        return await act(keys, attempt)

    return Use(method, run, restore=WITHOUT_IT)


def begin_again(keys: IdempotencyKeys, _: Attempt) -> Awaitable[bool]:
    return is_found(keys.begin(A_KEY, "POST", OURS, now=LATER))


def take_over(keys: IdempotencyKeys, attempt: Attempt) -> Awaitable[bool]:
    held = Held(attempt.key_id, attempt.token, OURS, LATER)
    return is_found(keys.take_over(held, THEIRS, now=LATER))


USES = [
    Use(
        IdempotencyKeys.begin,
        lambda stores: is_found(stores.idempotency_keys.begin(A_KEY, "POST", OURS, now=LATER)),
        restore=WITHOUT_IT,
    ),
    begun(IdempotencyKeys.begin, begin_again),
    begun(IdempotencyKeys.take_over, take_over),
    begun(IdempotencyKeys.keep, lambda keys, attempt: keys.keep(attempt, KeptAnswer(201, "{}"))),
    begun(IdempotencyKeys.let_go, lambda keys, attempt: keys.let_go(attempt)),
    begun(IdempotencyKeys.forget, lambda keys, attempt: keys.forget(attempt)),
]
