"""Templates of mails that admins have written, one row a version.

    {_id: "<name>/<locale>/<version>", name, locale, version, subject, html, text, updated_at,
     updated_by}

A row never changes; the highest version is the current one. Two that write at once want the same
number, which is the row's id, so one of them takes the next. Versions beyond the newest `KEPT` are
dropped when one is added. Errors: `TemplateContended`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from storage.collection import StoreCollection

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from motor.motor_asyncio import AsyncIOMotorDatabase

    from storage.client import Document

KEPT = 20
"""Versions of one template in one language that one can go back to."""

ATTEMPTS = 50
"""At each, one of those who write at once is done."""

_HEAD = {"name": 1, "locale": 1, "version": 1, "updated_at": 1, "updated_by": 1}


class TemplateContended(Exception):
    """Too many write the same template at once."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateHead:
    """A version without what it says."""

    name: str
    locale: str
    version: int
    updated_at: datetime
    updated_by: UUID | None
    """None where it is shipped, and not stored here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateVersion(TemplateHead):
    """A version of a template in one language."""

    subject: str
    html: str
    text: str


class TemplatesRepository:
    """The collection `templates`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._rows = StoreCollection(database["templates"])

    async def add(
        self,
        *,
        name: str,
        locale: str,
        subject: str,
        html: str,
        text: str,
        by: UUID,
        at: datetime,
        after: int,
    ) -> TemplateVersion:
        """Add the next version, the first of them after `after`. Raises TemplateContended."""
        for _ in range(ATTEMPTS):
            before = [head.version for head in await self.versions(name, locale)]
            added = TemplateVersion(
                name=name,
                locale=locale,
                version=max([after, *before]) + 1,
                subject=subject,
                html=html,
                text=text,
                updated_at=at,
                updated_by=by,
            )
            row = {"_id": _id(name, locale, added.version), **asdict(added)}
            if not await self._rows.insert_new([row]):
                break
        else:
            raise TemplateContended(name)
        for version in before[KEPT - 1 :]:
            await self._rows.delete_one({"_id": _id(name, locale, version)})
        return added

    async def find(self, name: str, locale: str, version: int) -> TemplateVersion | None:
        """Return one version."""
        row = await self._rows.find_one({"_id": _id(name, locale, version)}, {"_id": 0})
        return TemplateVersion(**row) if row else None

    async def versions(self, name: str, locale: str) -> list[TemplateHead]:
        """Return the versions of one template in one language, the newest first."""
        rows = await self._rows.find({"name": name, "locale": locale}, {"_id": 0, **_HEAD})
        return sorted(
            (TemplateHead(**row) for row in rows), key=lambda head: head.version, reverse=True
        )

    async def current(self) -> dict[tuple[str, str], TemplateHead]:
        """Return the highest version of every template in every language, by both."""
        newest: dict[tuple[str, str], TemplateHead] = {}
        # All there are: the store finds the highest of each no faster.
        for row in await self._rows.find({"name": {"$gte": ""}}, {"_id": 0, **_HEAD}):
            head = TemplateHead(**row)
            known = newest.get((head.name, head.locale))
            if known is None or known.version < head.version:
                newest[head.name, head.locale] = head
        return newest


def _id(name: str, locale: str, version: int) -> str:
    return f"{name}/{locale}/{version}"
