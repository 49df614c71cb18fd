"""Render mails from the templates that admins have stored, and from the shipped ones else.

A stored template that fails with a letter costs nobody their mail: it is told of in the log, and
the shipped one takes its place. Of what is not stored in a language, the shipped one in that
language goes before the stored one in English.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from rules.locales import DEFAULT_LOCALE, shipped_locale
from storage.client import StoreUnavailable
from tasks.emails.pieces import TemplateRefused
from tasks.emails.press import Job, Press, PressFailed, PressUnavailable
from tasks.emails.sources import GENERIC, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from storage.templates import TemplateHead, TemplatesRepository
    from tasks.emails.rendered import Rendered
    from tasks.emails.templates import FileTemplates
    from tasks.letter import Letter

LOOK_EVERY_S = 3.0
"""How old may be what a worker knows of new versions."""

ASIDE_FOR_S = 60.0
"""What took the press with it is not tried again for so long: each try may take two seconds."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Choice:
    """A template by which a letter can be rendered; `stored` is None for a shipped one."""

    name: str
    stored: TemplateHead | None = None


class StoredTemplates:
    """The renderer of a worker."""

    def __init__(
        self,
        shipped: FileTemplates,
        templates: TemplatesRepository,
        press: Press,
        public_url: str,
        *,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shipped = shipped
        self._templates = templates
        self._press = press
        self._public_url = public_url
        self._now_s = now_s
        self._current: Mapping[tuple[str, str], TemplateHead] = {}
        self._looked_at_s: float | None = None
        self._is_looking = asyncio.Lock()
        self._is_pressing = asyncio.Lock()
        self._aside_until_s: dict[str, float] = {}
        self.failures = 0

    async def render(self, letter: Letter, *, unsubscribe_url: str) -> Rendered:
        """Return the mail of `letter` in the recipient's language; raise NotRendered."""
        await self._look()
        for choice in self._choices(letter):
            if choice.stored is None:
                return await self._shipped.render(
                    letter, unsubscribe_url=unsubscribe_url, name=choice.name
                )
            rendered = await self._by(choice.stored, letter, unsubscribe_url)
            if rendered is not None:
                return rendered
        return await self._shipped.render(letter, unsubscribe_url=unsubscribe_url)

    async def close(self) -> None:
        """End the press."""
        await self._press.close()

    def _choices(self, letter: Letter) -> Iterator[_Choice]:
        language = shipped_locale(letter.locale)
        for name in filter(None, (letter.template, letter.kind, GENERIC)):
            stored = self._current.get((name, language))
            if stored is not None:
                yield _Choice(name, stored)
            if name in self._shipped.names:
                yield _Choice(name)
            elif language != DEFAULT_LOCALE and (name, DEFAULT_LOCALE) in self._current:
                yield _Choice(name, self._current[name, DEFAULT_LOCALE])

    async def _look(self) -> None:
        """Learn of new versions, unless somebody did a moment ago."""
        async with self._is_looking:
            now_s = self._now_s()
            if self._looked_at_s is not None and now_s < self._looked_at_s + LOOK_EVERY_S:
                return
            try:
                self._current = await self._templates.current()
            except StoreUnavailable as error:
                log.warning("templates_unknown", error=str(error))
            self._looked_at_s = now_s
            self._aside_until_s = {
                key: until_s for key, until_s in self._aside_until_s.items() if until_s > now_s
            }

    async def _by(
        self, head: TemplateHead, letter: Letter, unsubscribe_url: str
    ) -> Rendered | None:
        """Return the mail by a stored template, or None where it cannot be made by that."""
        key = f"{head.name}/{head.locale}/{head.version}"
        job = Job(
            key=key,
            source=None,
            letter=letter,
            public_url=self._public_url,
            unsubscribe_url=unsubscribe_url,
        )
        # One after another, so that those who wait hear of a template that took the press with it.
        async with self._is_pressing:
            if self._aside_until_s.get(key, 0.0) > self._now_s():
                return None
            try:
                return await self._press.render(job) or await self._with_source(head, job)
            except (TemplateRefused, PressFailed, PressUnavailable, StoreUnavailable) as error:
                if isinstance(error, PressFailed):
                    self._aside_until_s[key] = self._now_s() + ASIDE_FOR_S
                self.failures += 1
                log.warning(
                    "stored_template_failed",
                    template=key,
                    notification_id=str(letter.notification_id),
                    error=str(error) or type(error).__name__,
                    failures=self.failures,
                )
        return None

    async def _with_source(self, head: TemplateHead, job: Job) -> Rendered | None:
        found = await self._templates.find(head.name, head.locale, head.version)
        if found is None:
            # Dropped meanwhile, so there is a newer one.
            return None
        source = Source(
            locale=found.locale, subject=found.subject, html=found.html, text=found.text
        )
        return await self._press.render(job.with_source(source))
