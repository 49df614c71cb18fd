"""Unsubscribing by the link in an email: no login, and nothing happens by following the link.

Mail programs unsubscribe by themselves with one POST (RFC 8058). People get a page with one button.
Whoever accepts HTML gets pages, failures included; others get JSON.
"""

from __future__ import annotations

import tornado.httputil

from server.errors import NotFound, UnsupportedMediaType, ValidationFailed
from server.handlers.base import PUBLIC, loaded
from server.handlers.showing import ShowingHandler
from server.operation import Operation
from server.schemas.unsubscribe import UNSUBSCRIBE_FORM, UNSUBSCRIBE_QUERY, Unsubscribed
from storage.unsubscribe_links import UnknownUnsubscribeLink, Unsubscription

FORM_LIMIT_BYTES = 16 * 1024

FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
"""RFC 8058 §3.2 has mail programs send either."""


class UnsubscribeHandler(ShowingHandler):
    """`GET` and `POST /unsubscribe/{token}/`."""

    roles = {"GET": PUBLIC, "POST": PUBLIC}
    is_rate_limited = False
    operations = {
        "GET": Operation(query=UNSUBSCRIBE_QUERY, answers={200: "text/html"}),
        "POST": Operation(
            body=UNSUBSCRIBE_FORM, body_type=FORM_TYPES[0], answers={200: Unsubscribed}
        ),
    }
    body_limit_bytes = FORM_LIMIT_BYTES

    async def get(self, token: str) -> None:
        """Show a page that asks, and change nothing."""
        asked = self._asked(token)
        wants_back = self.query().get("action") == "resubscribe"
        await self._speak_to(asked)
        self.show("unsubscribe", step="ask_back" if wants_back else "ask", scope=asked.scope)

    async def post(self, token: str) -> None:
        """Switch the link's preference off, or on again; doing it twice changes nothing more.

        The form may be `multipart/form-data` too. Who accepts HTML is answered with a page.
        """
        asked = self._asked(token)
        form = loaded(UNSUBSCRIBE_FORM, self._form())
        is_wanted = "one_click" not in form and form["action"] == "resubscribe"
        preference = asked.scope.preference
        # Of somebody erased since, nothing is kept and nothing is sent.
        await self.service.stores.users.switch(
            asked.user_id, preference, is_on=is_wanted, at=self.service.clock.store_now()
        )
        if self.is_for_people():
            await self._speak_to(asked)
            self.show("unsubscribe", step="back" if is_wanted else "done", scope=asked.scope)
            return
        message = "Subscribed again" if is_wanted else "Unsubscribed"
        self.answer({"message": message, "preferences": {preference: is_wanted}})

    @property
    def logged_path(self) -> str:
        """Leave the token out: who has it can unsubscribe the user."""
        return "/unsubscribe/"

    def _asked(self, token: str) -> Unsubscription:
        try:
            return self.service.unsubscribe_links.read(token)
        except UnknownUnsubscribeLink:
            raise NotFound("No such unsubscribe link") from None

    def _form(self) -> dict[str, str]:
        """Return the fields of the form; of a repeated one the last counts."""
        body = self.raw_body()
        content_type = self.request.headers.get("Content-Type", "")
        if body and content_type.partition(";")[0].strip().lower() not in FORM_TYPES:
            raise UnsupportedMediaType(" or ".join(FORM_TYPES))
        fields: dict[str, list[bytes]] = {}
        try:
            tornado.httputil.parse_body_arguments(
                content_type, body, fields, {}, self.request.headers
            )
            return {name: values[-1].decode() for name, values in fields.items()}
        except (tornado.httputil.HTTPInputError, UnicodeDecodeError):
            raise ValidationFailed({"body": ["Not a valid form."]}) from None

    async def _speak_to(self, asked: Unsubscription) -> None:
        preferences = await self.service.stores.users.preferences(asked.user_id)
        self.locale_of_reader = preferences.locale


ROUTES = [(r"/unsubscribe/([^/]+)/?", UnsubscribeHandler)]
