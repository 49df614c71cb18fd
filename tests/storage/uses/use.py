"""One way to use a method of a repository, and what most of them are made with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sized

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document
    from storage.stores import Stores

Run: TypeAlias = "Callable[[Stores], Awaitable[Any]]"
Restore: TypeAlias = "Callable[[AsyncIOMotorDatabase[Document]], Awaitable[Any]]"


@dataclass(frozen=True, slots=True)
class Use:
    """One way to use a method; `run` returns what it got or changed, counted if that is many."""

    method: Callable[..., Any]
    run: Run
    indexes: tuple[str, ...] = ()
    """Those that serve it, beside the one on `_id`."""

    restore: Restore | None = None
    """Make what `run` asks for as it was."""

    @asynccontextmanager
    async def on(self, database: AsyncIOMotorDatabase[Document]) -> AsyncIterator[None]:
        """Have `database` ready for `run`, and as ready for the other uses afterwards."""
        if self.restore is not None:
            await self.restore(database)
        yield
        if self.restore is not None:
            await self.restore(database)

    def __str__(self) -> str:
        return self.method.__qualname__


async def counted(found: Awaitable[Sized]) -> int:
    return len(await found)


async def counted_in_parts(parts: AsyncIterator[list[Document]]) -> int:
    return sum([len(rows) async for rows in parts])


async def is_found(found: Awaitable[Any]) -> bool:
    """Tell whether there was anything, where two runs do not return equals."""
    return (await found) is not None


def without(collection: str, ids: Iterable[Any]) -> Restore:
    """Restore by removing the documents of these ids."""
    wanted = list(ids)
    return lambda database: database[collection].delete_many({"_id": {"$in": wanted}})
