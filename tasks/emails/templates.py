"""Render mails from the templates of `templates/email/`, which are the service's own."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from rules.locales import shipped_locale
from tasks.channels.mail import NotRendered
from tasks.emails.compiling import FAILURES, Compiled, TemplateCompiler
from tasks.emails.links import Links
from tasks.emails.sources import GENERIC
from tasks.emails.view import view_of

if TYPE_CHECKING:
    from tasks.emails.rendered import Rendered
    from tasks.letter import Letter


class FileTemplates:
    """The renderer of what is shipped; each template is compiled when first used."""

    def __init__(self, public_url: str, compiler: TemplateCompiler | None = None) -> None:
        self._links = Links(public_url)
        self._compiler = compiler or TemplateCompiler()
        # As many as there are files: none is ever dropped.
        self._compiled: dict[tuple[str, str], asyncio.Task[Compiled]] = {}
        self._is_compiling = threading.Lock()

    @property
    def names(self) -> frozenset[str]:
        """What there is."""
        return self._compiler.shipped.names

    async def render(
        self, letter: Letter, *, unsubscribe_url: str, name: str | None = None
    ) -> Rendered:
        """Return the mail of `letter` in the recipient's language; raise NotRendered.

        By the template `name`, else by that of its kind.
        """
        language = shipped_locale(letter.locale)
        name = next(each for each in (name, letter.kind, GENERIC) if each in self.names)
        view = view_of(letter, self._links, language=language, unsubscribe_url=unsubscribe_url)
        try:
            compiled = await self._compiled_once(name, language)
            return compiled.render(view)
        except FAILURES as error:
            # Its text may quote what the letter says.
            raise NotRendered(letter.kind, type(error).__name__) from None

    async def _compiled_once(self, name: str, language: str) -> Compiled:
        """Compile in a thread, which takes as long as hundreds of mails; others wait for it."""
        task = self._compiled.get((name, language))
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(self._compile, name, language))
            self._compiled[name, language] = task
        # Who is cancelled stops waiting, and does not stop the others' work.
        return task.result() if task.done() else await asyncio.shield(task)

    def _compile(self, name: str, language: str) -> Compiled:
        # The CSS parser below premailer keeps state of its own.
        with self._is_compiling:
            return self._compiler.compile(self._compiler.shipped.source(name, language))
