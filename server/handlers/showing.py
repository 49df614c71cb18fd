"""Answers for people: pages in their language, also where something failed."""

from __future__ import annotations

from typing import Any

from rules.preferences import DEFAULT_LOCALE
from server.errors import ErrorAnswer
from server.handlers.base import ApiHandler


class ShowingHandler(ApiHandler):
    """Base of handlers behind the links of emails. Who accepts no HTML is answered with JSON."""

    locale_of_reader = DEFAULT_LOCALE
    """Until it is known who that is."""

    unknown_page = "unknown_link"
    """The text of the page for a link that is none of ours."""

    def is_for_people(self) -> bool:
        """Tell whether the answer is to be a page."""
        return "text/html" in self.request.headers.get("Accept", "").lower()

    def show(self, page: str, **context: Any) -> None:
        """Answer with the page `page`."""
        templates = self.service.page_templates
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", templates.content_security_policy)
        # The address is all that one needs to use it.
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("X-Robots-Tag", "noindex, nofollow")
        self.finish(templates.render(page, self.locale_of_reader, **context))

    def answer_error(self, answer: ErrorAnswer) -> None:
        """Answer people with a page, and programs with the envelope."""
        if not self.is_for_people():
            super().answer_error(answer)
            return
        self._begin_error(answer)
        self.show("failure", failure=self.unknown_page if answer.status == 404 else "again")
