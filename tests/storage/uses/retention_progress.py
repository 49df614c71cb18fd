"""Uses of the rows that say how far retention is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storage.retention_progress import Batch, RetentionProgress
from tests.storage.samples import NOON, SECOND
from tests.storage.uses.use import Use, is_found

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from storage.stores import Stores

A_BATCH = Batch(NOON, NOON + SECOND)


async def begun(stores: Stores, act: Callable[[RetentionProgress], Awaitable[Any]]) -> Any:
    await stores.retention.begin(A_BATCH)
    return await act(stores.retention)


USES = [
    Use(
        RetentionProgress.blanked_until,
        lambda stores: is_found(stores.retention.blanked_until()),
    ),
    Use(RetentionProgress.blanked, lambda stores: stores.retention.blanked(NOON)),
    Use(
        RetentionProgress.open_batch,
        lambda stores: is_found(begun(stores, lambda progress: progress.open_batch())),
    ),
    Use(
        RetentionProgress.begin,
        lambda stores: is_found(stores.retention.begin(A_BATCH)),
    ),
    Use(
        RetentionProgress.written,
        lambda stores: begun(stores, lambda progress: progress.written(A_BATCH)),
    ),
    Use(
        RetentionProgress.end,
        lambda stores: begun(stores, lambda progress: progress.end(A_BATCH)),
    ),
]
