"""The templates of mails as admins see them: what is shipped, and what they wrote over it.

Version 1 of a shipped template is the one that is shipped; those that are written count from 2. Of
what is not shipped they count from 1. Nothing is compiled in this process (tasks/emails/press.py).
Errors: `TemplateNotFound`, `TooManyTemplates`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from rules.locales import LOCALES
from storage.positions import PositionClock
from storage.stores import Stores
from storage.templates import TemplateHead, TemplatesRepository, TemplateVersion
from tasks.emails.press import Job, Press
from tasks.emails.rendered import Rendered
from tasks.emails.samples import sample_of
from tasks.emails.sources import ShippedSources, Source
from tasks.letter import Letter

SHIPPED_VERSION = 1

TRIED_AT_ONCE = 4
"""Previews and checks that wait for one another; each takes five seconds at most."""

MOST_TEMPLATES = 200
"""Names beside those that are shipped; those who ask at once may get in a few more."""

SAMPLE_UNSUBSCRIBE_PATH = "/unsubscribe/sample/"


class TemplateNotFound(Exception):
    """There is no such template, not in that language, or not in that version."""


class TooManyTemplates(Exception):
    """There is room for no other name."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSummary:
    """A template in all its languages; the version is that of the one that changed last."""

    name: str
    locales: Sequence[str]
    version: int
    updated_at: datetime


class MailTemplates:
    """What is shipped and what is stored, together."""

    def __init__(
        self,
        stored: TemplatesRepository,
        shipped: ShippedSources,
        press: Press,
        clock: PositionClock,
        public_url: str,
    ) -> None:
        self._stored = stored
        self._shipped = shipped
        self._press = press
        self._clock = clock
        self._public_url = public_url

    async def names(self) -> frozenset[str]:
        """Return the names of all templates: what a mail may be made by."""
        return self._shipped.names | {name for name, _ in await self._stored.current()}

    async def summaries(self) -> list[TemplateSummary]:
        """Return all templates, by name."""
        heads: defaultdict[str, dict[str, TemplateHead]] = defaultdict(dict)
        for name in self._shipped.names:
            heads[name] = {locale: self._shipped_head(name, locale) for locale in LOCALES}
        for (name, locale), head in (await self._stored.current()).items():
            heads[name][locale] = head
        return [_summary(name, heads[name]) for name in sorted(heads)]

    async def versions(self, name: str, locale: str) -> list[TemplateHead]:
        """Return the versions of a template that there are, the newest first."""
        stored = await self._stored.versions(name, locale)
        if name not in self._shipped.names or any(h.version == SHIPPED_VERSION for h in stored):
            return stored
        return [*stored, self._shipped_head(name, locale)]

    async def get(self, name: str, locale: str, version: int | None = None) -> TemplateVersion:
        """Return a version of a template, the current one by default; raise TemplateNotFound."""
        heads = await self.versions(name, locale)
        wanted = [head for head in heads if version is None or head.version == version]
        if not wanted:
            raise TemplateNotFound
        head = wanted[0]
        if head.updated_by is None:
            return self._shipped_version(head)
        found = await self._stored.find(name, locale, head.version)
        if found is None:
            # Dropped as the oldest while we looked.
            raise TemplateNotFound
        return found

    async def check(self, name: str, source: Source) -> None:
        """Refuse what cannot become a version of `name`.

        Raises TemplateRefused, PressFailed, PressUnavailable, TooManyTemplates.
        """
        names = await self.names()
        if name not in names and len(names - self._shipped.names) >= MOST_TEMPLATES:
            raise TooManyTemplates(MOST_TEMPLATES)
        await self._press.check(source)

    async def write(self, name: str, source: Source, *, by: UUID) -> TemplateVersion:
        """Make `source`, which has been checked, the next version. Raises TemplateContended."""
        return await self._stored.add(
            name=name,
            locale=source.locale,
            subject=source.subject,
            html=source.html,
            text=source.text,
            by=by,
            at=self._clock.store_now(),
            after=SHIPPED_VERSION if name in self._shipped.names else 0,
        )

    async def preview(
        self, name: str, locale: str, changes: Mapping[str, str], context: Mapping[str, Any]
    ) -> Rendered:
        """Return a mail with a letter made up for it, and with `changes` of what is stored.

        Raises TemplateNotFound, TemplateRefused, PressFailed, PressUnavailable.
        """
        if {"subject", "html", "text"} <= changes.keys():
            source = Source(locale=locale, **changes)
        else:
            source = replace(source_of(await self.get(name, locale)), **changes)
        return await self.press(source, sample_of(name), context)

    async def press(
        self, source: Source, letter: Letter, context: Mapping[str, Any] | None = None
    ) -> Rendered:
        """Return the mail that `source` makes of `letter`, in which are nobody's words.

        Raises TemplateRefused, PressFailed, PressUnavailable.
        """
        job = Job(
            source=source,
            letter=letter,
            context=context,
            is_sample=True,
            public_url=self._public_url,
            unsubscribe_url=self._public_url + SAMPLE_UNSUBSCRIBE_PATH,
        )
        rendered = await self._press.render(job)
        assert rendered is not None
        return rendered

    def _shipped_head(self, name: str, locale: str) -> TemplateHead:
        return TemplateHead(
            name=name,
            locale=locale,
            version=SHIPPED_VERSION,
            updated_at=self._shipped.came_at(name, locale),
            updated_by=None,
        )

    def _shipped_version(self, head: TemplateHead) -> TemplateVersion:
        source = self._shipped.source(head.name, head.locale)
        return TemplateVersion(
            name=head.name,
            locale=head.locale,
            version=head.version,
            updated_at=head.updated_at,
            updated_by=None,
            subject=source.subject,
            html=source.html,
            text=source.text,
        )


def open_mail_templates(
    stores: Stores, clock: PositionClock, public_url: str, stack: AsyncExitStack
) -> MailTemplates:
    """Return the templates of one server process; `stack` ends its press."""
    press = Press(most_waiting=TRIED_AT_ONCE)
    stack.push_async_callback(press.close)
    return MailTemplates(stores.templates, ShippedSources(), press, clock, public_url)


def source_of(version: TemplateVersion) -> Source:
    """Return what a version says."""
    return Source(
        locale=version.locale, subject=version.subject, html=version.html, text=version.text
    )


def _summary(name: str, heads: Mapping[str, TemplateHead]) -> TemplateSummary:
    latest = max(heads.values(), key=lambda head: (head.updated_by is not None, head.updated_at))
    return TemplateSummary(
        name=name,
        locales=[locale for locale in LOCALES if locale in heads],
        version=latest.version,
        updated_at=latest.updated_at,
    )
